"""`slipway status`: counts, URLs, exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ops.kube import Key
from ops.status import AppStatus, counts
from ops.urls import address_of, objects_by_resource, resolve
from tests.support.thing import thing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.programs import FakeProgram
    from tests.unit.ops.conftest import Run


def deployment(
    *, generation: int = 1, observed: int = 1, replicas: int = 2, ready: int = 2, updated: int = 2, image: str = "i:1"
) -> dict[str, Any]:
    spec = {"replicas": replicas, "template": {"spec": {"containers": [{"image": image}, {"image": "side:1"}]}}}
    status = {"observedGeneration": observed, "readyReplicas": ready, "updatedReplicas": updated}
    return thing("Deployment", "h2o/h2o-example", {"spec": spec, "status": status}, generation=generation)


@pytest.mark.usefixtures("project")
def test_the_json_has_the_promised_keys(slipway: Run, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("get", [deployment(image="localhost:5000/h2o:7"), service(30080)])
    result = slipway("status", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "apps": [
            {
                "name": "h2o-example",
                "system": "h2o",
                "cluster": "local",
                "namespace": "h2o",
                "url": "http://127.0.0.1:30080",
                "host": None,
                "ready": 2,
                "desired": 2,
                "image": "localhost:5000/h2o:7",
                "origin": None,
            }
        ]
    }
    assert len(fake_kubectl.calls) == 1


def service(node_port: int, where: str = "h2o/h2o-example") -> dict[str, Any]:
    return thing("Service", where, {"spec": {"ports": [{"name": "http", "port": 80, "nodePort": node_port}]}})


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("live", "url"), [([service(30099)], "http://127.0.0.1:30099"), ([], None)])
def test_an_edited_port_is_not_shown_before_it_is_there(
    live: list[dict[str, Any]], url: str | None, slipway: Run, fake_kubectl: FakeProgram
) -> None:
    fake_kubectl.on("get", [deployment(), *live])
    (app,) = json.loads(slipway("status", "--json").stdout)["apps"]
    assert app["url"] == url


WITH_HOST = """\
config:
  slipway:clusters:
    local: {kind: existing, context: test, nodeAddress: 127.0.0.1, ingress: {nodePort: 30443}}
  slipway:apps:
    h2o-example: {cluster: local, host: h2o.example.com, serviceType: ClusterIP}
"""


@pytest.mark.parametrize(
    ("hosts", "url", "host"),
    [
        (["h2o.example.com", "h2o-example.localhost"], "http://h2o-example.localhost:30444/", "h2o.example.com"),
        (["old.example.com"], None, "old.example.com"),
        ([], None, None),
    ],
)
def test_an_app_with_a_host_is_shown_where_a_browser_finds_it(
    hosts: list[str], url: str | None, host: str | None, project: Path, slipway: Run, fake_kubectl: FakeProgram
) -> None:
    (project / "Pulumi.dev.yaml").write_text(WITH_HOST, encoding="utf-8")
    ingress = thing("Ingress", "h2o/h2o-example", {"spec": {"rules": [{"host": name} for name in hosts]}})
    fake_kubectl.on("get", [deployment(), service(30444, "ingress/traefik"), *([ingress] if hosts else [])])
    apps = {app["name"]: app for app in json.loads(slipway("status", "--json").stdout)["apps"]}
    found = apps["h2o-example"]
    assert (found["url"] and found["url"].rstrip("/"), found["host"]) == (url and url.rstrip("/"), host)


def test_names_below_localhost_are_this_machine() -> None:
    assert address_of("nginx.localhost") == "127.0.0.1"
    assert address_of("localhost.example.com") == "localhost.example.com"


STATES = {
    "ready": (deployment(), 2, 2),
    "one missing": (deployment(ready=1), 1, 2),
    "old pods only": (deployment(ready=2, updated=0), 0, 2),
    "not seen yet": (deployment(generation=2, observed=1), 0, 2),
    "scaled": (deployment(replicas=4, ready=4, updated=4), 4, 4),
    "too many while rolling": (deployment(replicas=2, ready=3, updated=3), 2, 2),
}


@pytest.mark.parametrize(("live", "ready", "desired"), STATES.values(), ids=list(STATES))
@pytest.mark.usefixtures("project")
def test_only_ready_pods_of_the_wanted_revision_count(
    live: dict[str, Any], ready: int, desired: int, slipway: Run, fake_kubectl: FakeProgram
) -> None:
    fake_kubectl.on("get", [live])
    result = slipway("status", "--json")
    (app,) = json.loads(result.stdout)["apps"]
    assert (app["ready"], app["desired"]) == (ready, desired)
    assert result.exit_code == (0 if ready == desired else 1)


def test_a_daemon_set_counts_its_nodes() -> None:
    status = {"observedGeneration": 1, "desiredNumberScheduled": 3, "numberReady": 3, "updatedNumberScheduled": 2}
    live = thing("DaemonSet", "n/agent", {"spec": {}, "status": status}, generation=1)
    assert counts("DaemonSet", live) == (2, 3)


def test_an_app_without_pods_is_not_ready() -> None:
    assert not AppStatus("a", "s", "c", "n", None, None, ready=0, desired=0, image="i").is_ready


PLAN = {
    "resources": [
        {"name": "ns", "inputs": thing("Namespace", "web")},
        {"name": "web-service", "inputs": thing("Service", "web", namespace="${ns.metadata.name}")},
        {"name": "zone", "inputs": {"name": "example.org"}},
    ]
}
SERVICE = Key("", "Service", "web", "web")


PORTS: dict[Key, Any] = {SERVICE: {"spec": {"ports": [{"nodePort": 31234}]}}}
BALANCED: dict[Key, Any] = {SERVICE: {"status": {"loadBalancer": {"ingress": [{"ip": "10.99.0.100"}]}}}}
BALANCER = "http://${web-service.status.loadBalancer.ingress[0].ip}"


@pytest.mark.parametrize(
    ("text", "live", "url"),
    [
        ("http://127.0.0.1:30080/", {}, "http://127.0.0.1:30080/"),
        ("http://127.0.0.1:${web-service.spec.ports[0].nodePort}/x", PORTS, "http://127.0.0.1:31234/x"),
        (BALANCER, BALANCED, "http://10.99.0.100"),
        (BALANCER, {SERVICE: {"status": {"loadBalancer": {}}}}, None),
        (BALANCER, {}, None),
        ("http://${zone.name}", {}, None),
        ("http://${nobody.name}", {}, None),
    ],
)
def test_references_in_urls_are_read_from_the_live_objects(text: str, live: dict[Key, Any], url: str | None) -> None:
    resources = objects_by_resource(PLAN)
    assert resources["web-service"] == SERVICE
    assert resolve(text, resources, live) == url


@pytest.mark.parametrize(("given", "url"), [([], None), ([{"ip": "10.99.0.105"}], "http://10.99.0.105")])
def test_a_service_without_an_address_yet_has_no_url(
    given: list[dict[str, str]], url: str | None, project: Path, slipway: Run, fake_kubectl: FakeProgram
) -> None:
    file = project / "Pulumi.dev.yaml"
    text = file.read_text(encoding="utf-8").replace("      nodeAddress: 127.0.0.1\n", "")
    file.write_text(text, encoding="utf-8")
    balanced = thing("Service", "h2o/h2o-example", {"status": {"loadBalancer": {"ingress": given}}})
    fake_kubectl.on("get", [deployment(), balanced])
    assert json.loads(slipway("status", "--json").stdout)["apps"][0]["url"] == url
