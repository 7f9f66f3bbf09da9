"""Every kind of setting: what it takes, what it refuses, and that the message holds key path, value and remedy."""

from __future__ import annotations

from typing import Any

import pytest

from stacks.settings import Settings
from tests.support.settings import ABSENT, BASE, accept, problem, refuse, with_values

DIGEST = "sha256:" + "0123456789abcdef" * 4

ACCEPTED: dict[str, list[Any]] = {
    "apps.nginx.replicas": [1, 100, "3", 3.0],
    "apps.nginx.nodePort": [30000, 32767],
    "apps.nginx.serviceType": ["ClusterIP", "NodePort"],
    "apps.nginx.image": [
        "nginx:1.29",
        "docker.io/library/nginx:1.29.3",
        "localhost:5000/team/nginx:v1_2.3-x",
        f"registry.example.com/a__b/c.d-e@{DIGEST}",
        f"nginx:latest@{DIGEST}",
    ],
    "apps.nginx.host": ["www.example.com", "a." + "b" * 63 + ".example", "10.0.0.5.nip.example"],
    "apps.example-app": [{"cluster": "local", "mysqlHost": "db.data.svc.cluster.local"}],
    "apps.cotoami": [{"cluster": "local", "mail": {"server": "10.0.0.5"}}],
    "apps.nginx.resources.cpu": ["100m", "0.5", 2, 0.25],
    "apps.nginx.resources.memory": ["1Gi", 104857600],
    "apps.nginx.resources.memoryLimit": ["200M"],
    "apps.nginx.autoscale": [{"minReplicas": 1, "maxReplicas": 1}, {"cpuPercent": 100, "scaleDownSeconds": 0}],
    "apps.h2o-example.revision": ["1", 7, "0f3c9e1d2b4a5f60718293a4b5c6d7e8f9012345"],
    "apps.nginx.cluster": ["local"],
    "owner": ["somebody", "a" * 40],
    "lifecycle": ["durable"],
    "namespacePrefix": ["", "review-17"],
    "clusters.local.registry": ["localhost:5000", "asia-east1-docker.pkg.dev/project/repository"],
    "clusters.local.storageClass": ["fast-ssd"],
    "clusters.local.ingress.replicas": [20],
    "clusters.local.ingress.nodePort": [31000],
    "clusters.local.monitoring.retentionDays": [1],
    "clusters.local.monitoring.storage": ["10Gi"],
    "clusters.local": [
        {"kind": "existing", "context": "kind-kind", "nodeAddress": address, "ingress": {}}
        for address in ("192.168.0.3", "fd00::1", "node", "node.example.com")
    ],
}

# Path, what the remedy says, values.
REFUSED: list[tuple[str, str, list[Any]]] = [
    ("apps.nginx.replicas", "must be at least 1", [0, -1]),
    ("apps.nginx.replicas", "must be at most 100", [101, 10**30]),
    ("apps.nginx.replicas", "must be a whole number", [2.5, "two", [2]]),
    ("apps.nginx.replicas", "not true or false", [True]),
    ("apps.nginx.nodePort", "must be at least 30000", [80]),
    ("apps.nginx.nodePort", "must be at most 32767", [32768]),
    ("apps.nginx.serviceType", "must be one of: 'ClusterIP', 'NodePort' or 'LoadBalancer'", ["Loadbalancer"]),
    ("apps.nginx.image", "must be an image reference with a name", ["", ":1.29", "docker.io/:1.29", "Nginx:1.29"]),
    ("apps.nginx.image", "must carry a tag or a digest", ["nginx", "localhost:5000/nginx"]),
    ("apps.nginx.image", "must name a fixed version, not latest", ["nginx:latest"]),
    ("apps.nginx.image", "bad tag", ["nginx:", "nginx:-x", "nginx:1 29"]),
    ("apps.nginx.image", "bad digest", ["nginx@sha256:12", "nginx:1@"]),
    ("apps.nginx.image", "must be text", [5]),
    (
        "apps.nginx.host",
        "must be a host name",
        [
            "localhost",
            "bad_host.example.com",
            "-a.example.com",
            "a..example.com",
            "WWW.example.com",
            "b" * 64 + ".example.com",
            ".".join(["a" * 50] * 6),
            "www.example.com.",
        ],
    ),
    ("apps.nginx.host", "is an IP address", ["10.0.0.5", "fd00::5"]),
    ("apps.nginx.host", "the last no number", ["10.0.0.555"]),
    ("apps.nginx.resources.cpu", "must be a CPU quantity", ["lots", "0m", "-1", "9" * 400]),
    ("apps.nginx.resources.cpu", "more than 0", ["0"]),
    ("apps.nginx.resources.cpu", "at most 1000 cores", ["5000"]),
    ("apps.nginx.resources.cpu", "not true or false", [True]),
    ("apps.nginx.resources.memory", "must be a size", ["much", "100mb"]),
    ("apps.nginx.resources.memory", "between 1Mi and 1024Ti", ["1", "9999Ti"]),
    ("apps.nginx.resources", "must be a mapping", ["big"]),
    ("apps.nginx.autoscale.cpuPercent", "must be at least 1", [0]),
    ("apps.nginx.autoscale.cpuPercent", "must be at most 100", [101]),
    ("apps.nginx.autoscale.scaleDownSeconds", "must be at least 0", [-1]),
    ("apps.nginx.autoscale", "must be a mapping", [3]),
    ("apps.h2o-example.revision", "not latest", ["latest"]),
    ("apps.h2o-example.revision", "usable as image tag and label", ["a b", "-1", "1-", "", "a" * 64]),
    ("apps.h2o-example.revision", "not true or false", [False]),
    ("apps.nginx.cluster", "must be a DNS label", ["Local"]),
    ("apps.nginx", "must be a mapping", ["yes"]),
    ("apps", "must be a mapping", [["nginx"], "nginx"]),
    ("owner", "must be a DNS label", ["Somebody Else"]),
    ("owner", "at most 40", ["a" * 41]),
    ("lifecycle", "must be one of: 'ephemeral' or 'durable'", ["forever"]),
    ("namespacePrefix", "lower-case", ["Review"]),
    ("namespacePrefix", "at most 20", ["a" * 21]),
    ("clusters", "must be a mapping", [[]]),
    ("clusters.local", "must be a mapping", ["embedded"]),
    ("clusters.local.kind", "must be one of: ", ["minikube"]),
    ("clusters.local.registry", "must be a registry address", ["http://localhost:5000"]),
    ("clusters.local.storageClass", "must be a DNS label", ["Fast SSD"]),
    ("clusters.local.ingress.replicas", "must be at least 1", [0]),
    ("clusters.local.ingress.replicas", "not true or false", [True]),
    ("clusters.local.ingress.nodePort", "must be at least 30000", [8080]),
    ("clusters.local.monitoring.retentionDays", "must be at least 1", [0]),
    ("clusters.local.monitoring.storage", "must be a size", ["lots"]),
]
# A database elsewhere is named as DNS names it; an address is an IP address or a name, and the host of each URL shown.
ADDRESSES = [
    ("apps.example-app", "mysqlHost", ["10.0.0.5", "::1", "db", "db_1.example.com", "300.1.1.1"], "debug.example.com"),
    (
        "clusters.local",
        "nodeAddress",
        ["300.1.1.1", "not an address", "127.0.0.1:80"],
        "must be an IP address or a host name",
    ),
    ("clusters.local", "nodeAddress", ["http://a", "a/../b", "-a", "A"], "must be an IP address or a host name"),
]


@pytest.mark.parametrize("path", ACCEPTED)
def test_accepted(path: str) -> None:
    for value in ACCEPTED[path]:
        assert isinstance(accept(with_values({path: value})), Settings), value


@pytest.mark.parametrize(("path", "remedy", "value"), [(path, text, v) for path, text, vs in REFUSED for v in vs])
def test_refused(path: str, remedy: str, value: Any) -> None:
    found = problem(with_values({path: value}))
    assert found.path == f"slipway:{path}"
    assert found.value is not None
    assert str(value)[:40] in found.value or repr(value)[:40] in found.value
    assert remedy in found.remedy


@pytest.mark.parametrize(("place", "key", "value", "remedy"), [(p, k, v, r) for p, k, vs, r in ADDRESSES for v in vs])
def test_an_address_is_one(place: str, key: str, value: str, remedy: str) -> None:
    app: dict[str, Any] = {"cluster": "local"}
    cluster: dict[str, Any] = {"kind": "existing", "context": "x", "ingress": {}}
    given = app if place.startswith("apps.") else cluster
    found = problem(with_values({place: {**given, key: value}, "apps.nginx": ABSENT}))
    assert (found.path, found.value) == (f"slipway:{place}.{key}", value)
    assert remedy in found.remedy


# Path of an unknown key, and what the remedy hints at.
UNKNOWN = {
    "replicas": "known here: ",
    "app": "did you mean apps?",
    "apps.ngnix": "did you mean nginx?",
    "apps.nginx.replica": "did you mean replicas?",
    "apps.nginx.node_port": "did you mean nodePort?",
    "apps.nginx.resources.ram": "known here: cpu, memory, memoryLimit",
    "apps.nginx.autoscale.max": "known here: ",
    "clusters.local.ingres": "did you mean ingress?",
    "clusters.local.context": "known here: ",
    "clusters.local.monitoring.disk": "known here: ",
}


@pytest.mark.parametrize("path", UNKNOWN)
def test_unknown_keys_are_refused_with_a_hint(path: str) -> None:
    found = problem(with_values({path: "x"}))
    assert (found.path, found.value) == (f"slipway:{path}", "x")
    assert found.remedy.startswith("unknown key; ")
    assert UNKNOWN[path] in found.remedy


@pytest.mark.parametrize("path", ["apps.nginx.cluster", "clusters.local.kind"])
def test_missing_keys_are_named(path: str) -> None:
    found = problem(with_values({path: ABSENT}))
    assert found.path.startswith("slipway:" + path.rpartition(".")[0])
    assert path.rpartition(".")[2] in f"{found.path} {found.remedy}"


def test_a_stack_without_any_cluster_is_refused() -> None:
    trees: list[dict[str, Any]] = [{}, {"clusters": {}}, {**BASE, "clusters": {}}]
    assert [problem(tree).path for tree in trees] == ["slipway:clusters"] * 3


def test_defaults_are_those_of_the_tutorials() -> None:
    settings = accept(BASE)
    apps = settings.apps.deployed()
    assert list(apps) == ["h2o-example", "nginx"]
    assert (settings.lifecycle, settings.owner, settings.namespace_prefix) == ("ephemeral", "slipway", "")
    assert settings.apps.nginx is not None
    assert settings.apps.nginx.fixed_replicas == 2
    assert settings.apps.nginx.service_type == "LoadBalancer"
    assert settings.apps.nginx.resources.cpu == "100m"
    assert settings.apps.nginx.resources.memory == "100Mi"


def test_settings_are_frozen() -> None:
    settings = accept(BASE)
    with pytest.raises(ValueError, match="frozen"):
        settings.owner = "other"  # pyright: ignore[reportAttributeAccessIssue] - that is the test


def test_all_errors_are_told_at_once() -> None:
    wrong = {
        "owner": "Nobody",
        "apps.nginx.replicas": 0,
        "apps.nginx.resources.cpu": "lots",
        "apps.nginx.image": ":1",
        "apps.nginx.autoscale": {"minReplicas": 5, "maxReplicas": 4},
        "apps.h2o-example.cluster": "elsewhere",
        "apps.h2o-example.host": "bad host",
        "clusters.local.kindd": "x",
        "surplus": "x",
    }
    error = refuse(with_values(wrong))
    assert {p.path.removeprefix("slipway:") for p in error.problems} == wrong.keys()
    text = str(error)
    assert text.startswith("Pulumi.test.yaml: 9 settings are wrong; nothing was changed.")
    assert all(p.path in text and p.remedy in text for p in error.problems)


def test_values_are_shown_on_one_line_and_cut() -> None:
    found = problem(with_values({"apps.nginx.host": "a\nb\x1b[31m" + "c" * 500}))
    assert found.value is not None
    assert found.value.isprintable()
    assert len(found.value) < 100
