"""The facts of the tutorials: names, counts, ports, Service types and who talks to whom, as everything renders. What
dev renders to in the same way (h2o, sticky sessions, the node exporter) is in its golden files."""

from __future__ import annotations

import pytest

from tests.support import cases
from tests.support.data import items, mapping, value
from tests.support.declared import declared
from tests.support.objects import Workload, find, of_kind, workloads

CASE = "everything"
# Namespace, workload, kind, replicas, Service, its type, ports (Service port → container port).
FACTS: list[tuple[str, str, str, int | None, str, str, dict[int, int]]] = [
    ("h2o", "h2o-example", "Deployment", 2, "h2o-example", "LoadBalancer", {80: 80}),
    ("nginx", "nginx", "Deployment", 2, "nginxservice", "LoadBalancer", {80: 80}),
    ("http-debug", "http-debug-server", "Deployment", 3, "http-debug-server", "ClusterIP", {80: 3000}),
    ("cotoami", "postgres", "StatefulSet", 1, "postgres", "ClusterIP", {5432: 5432}),
    ("cotoami", "redis-master", "StatefulSet", 1, "redis-master", "ClusterIP", {6379: 6379}),
    ("guestbook", "frontend", "Deployment", 3, "frontend", "NodePort", {80: 80}),
    ("guestbook", "redis-master", "StatefulSet", 1, "redis-master", "ClusterIP", {6379: 6379}),
    ("guestbook", "redis-slave", "Deployment", 2, "redis-slave", "ClusterIP", {6379: 6379}),
    ("monitoring", "prometheus", "StatefulSet", 1, "prometheus", "ClusterIP", {9090: 9090}),
    ("monitoring", "grafana", "Deployment", 1, "grafana", "ClusterIP", {3000: 3000}),
    ("example-app", "example-app", "Deployment", 3, "example-app", "NodePort", {3000: 3000}),
    ("todo", "griddb-server", "StatefulSet", 1, "griddb-server", "ClusterIP", {10001: 10001, 20001: 20001}),
    ("todo", "web-server", "Deployment", 1, "web-server", "LoadBalancer", {8080: 8000}),
    ("todo", "auth", "Deployment", 1, "auth", "ClusterIP", {2828: 2828}),
]
EDGES = {
    ("guestbook/frontend", "guestbook/redis-master", 6379),
    ("guestbook/frontend", "guestbook/redis-slave", 6379),
    ("guestbook/redis-slave", "guestbook/redis-master", 6379),
    ("cotoami/cotoami", "cotoami/postgres", 5432),
    ("cotoami/cotoami", "cotoami/redis-master", 6379),
    ("example-app/example-app", "example-app/mariadb", 3306),
    ("todo/web-server", "todo/auth", 2828),
    ("todo/web-server", "todo/griddb-server", 20001),
    ("monitoring/grafana", "monitoring/prometheus", 9090),
    ("ingress/traefik", "http-debug/http-debug-server", 3000),
}


def workload(namespace: str, name: str) -> Workload:
    (found,) = [w for w in workloads(CASE) if (w.namespace, w.name) == (namespace, name)]
    return found


def environment(of: Workload) -> dict[str, object]:
    return {item["name"]: item.get("value") for item in items(of.containers[0], "env")}


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: f"{fact[0]}/{fact[1]}")
def test_workloads(fact: tuple[str, str, str, int | None, str, str, dict[int, int]]) -> None:
    namespace, name, kind, replicas, service_name, service_type, ports = fact
    found = workload(namespace, name)
    assert (found.kind, found.replicas) == (kind, replicas)
    service = find(CASE, found, "Service", service_name)
    assert service is not None
    assert value(service.data, "spec", "type") == service_type
    numbers = {p["name"]: p["containerPort"] for c in found.containers for p in items(c, "ports")}
    assert {p["port"]: numbers[p["targetPort"]] for p in items(service.data, "spec", "ports")} == ports


def test_edges() -> None:
    names = {(w.namespace, frozenset(w.selector.items())): f"{w.namespace}/{w.name}" for w in workloads(CASE)}
    found = {
        (names[client.namespace, client.selector], names[server.namespace, server.selector], port)
        for client, server, port, _ in declared(cases.case(CASE)).edges
    }
    assert found >= EDGES


def test_cotoami_all_in_one() -> None:
    found = workload("cotoami", "cotoami")
    assert found.replicas == 1
    assert any(name.startswith("COTOAMI_") for name in environment(found))
    for name, ports in (("cotoami", {80}), ("maildev", {80, 25})):
        service = find(CASE, found, "Service", name)
        assert service is not None
        assert value(service.data, "spec", "type") == "NodePort"
        assert {port["port"] for port in items(service.data, "spec", "ports")} == ports


def test_cotoami_in_production() -> None:
    (found,) = [w for w in workloads("outward") if w.name == "cotoami"]
    assert found.replicas == 2
    assert len(found.containers) == 2
    proxy = next(c for c in found.containers if "nginx" in c["image"])
    assert value(proxy, "readinessProbe", "httpGet", "path") == "/health_check"
    service = find("outward", found, "Service", "cotoami")
    assert service is not None
    assert value(service.data, "spec", "type") == "LoadBalancer"
    assert not [w for w in workloads("outward") if w.name == "maildev"]


def test_cotoami_changes_its_shape_without_losing_a_request() -> None:
    """Service and policies are those of both shapes: right for the old pods and for the new ones."""
    ways: list[object] = []
    for case in (CASE, "outward"):
        (found,) = [w for w in workloads(case) if w.name == "cotoami"]
        service = find(case, found, "Service", "cotoami")
        assert service is not None
        ports = items(service.data, "spec", "ports")
        numbers = {p["name"]: p["containerPort"] for c in found.containers for p in items(c, "ports")}
        policies = [
            policy.data["spec"]
            for policy in of_kind(case, "NetworkPolicy")
            if policy.namespace == found.namespace
            and mapping(policy.data, "spec", "podSelector", "matchLabels") == found.selector
            and items(policy.data, "spec", "ingress")
        ]
        assert policies
        ways.append((found.selector, mapping(service.data, "spec", "selector"), ports, numbers["http"], policies))
    assert ways[0] == ways[1]


def test_cotoamis_proxy_stops_before_the_app() -> None:
    (found,) = [w for w in workloads("outward") if w.name == "cotoami"]
    delays = {c["name"]: value(c, "lifecycle", "preStop", "sleep", "seconds") for c in found.containers}
    assert delays["proxy"] < delays["cotoami"]
    (config,) = [m for m in of_kind("outward", "ConfigMap") if m.name.startswith("cotoami-proxy")]
    assert "proxy_set_header Host $http_host;" in config.data["data"]["default.conf"], "the port is a part of links"


def test_example_app() -> None:
    found = workload("example-app", "example-app")
    given = environment(found)
    assert given["SERVER_PORT"] == "3000"
    assert str(given["DB_URL"]).startswith("jdbc:mysql://mysql-service:3306/")
    assert given["DB_USER_NAME"] == "test_user"
    assert given["DB_USER_PASSWORD"] is None
    liveness = mapping(found.containers[0], "livenessProbe")
    assert value(liveness, "httpGet", "path") == "/health"
    assert (liveness["initialDelaySeconds"], liveness["periodSeconds"]) == (3, 1)


def test_local_and_production_differ_in_mysql_service_alone() -> None:
    def name(case: str) -> str:
        (found,) = [s for s in of_kind(case, "Service") if s.name == "mysql-service"]
        assert value(found.data, "spec", "type") == "ExternalName"
        assert [port["port"] for port in items(found.data, "spec", "ports")] == [3306]
        return value(found.data, "spec", "externalName")

    assert name(CASE) == "mariadb.example-app.svc.cluster.local"
    assert name("outward") == "mysql.example.com"
    here, there = (next(w for w in workloads(case) if w.name == "example-app") for case in (CASE, "outward"))
    assert environment(here) == environment(there)


def test_griddb() -> None:
    found = workload("todo", "griddb-server")
    given = environment(found)
    assert given["NOTIFICATION_MEMBER"] == "1"
    assert given["GRIDDB_CLUSTER_NAME"] == "myCluster"
    assert given["GRIDDB_PASSWORD"] is None
    (claim,) = items(found.data, "spec", "volumeClaimTemplates")
    assert value(claim, "spec", "resources", "requests", "storage") == "1Gi"
    assert value(claim, "spec", "storageClassName") == "standard"
    assert value(claim, "spec", "accessModes") == ["ReadWriteOnce"]


@pytest.mark.parametrize("namespace", ["cotoami", "guestbook"])
def test_redis_asks_for_what_the_tutorial_says(namespace: str) -> None:
    found = workload(namespace, "redis-master")
    assert mapping(found.containers[0], "resources", "requests") == {"cpu": "100m", "memory": "100Mi"}
