"""`slipway status`: counts, URLs, exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ops.kube import Key
from ops.status import AppStatus, counts
from ops.urls import objects_by_resource, resolve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    from tests.support.programs import FakeProgram

    Slipway = Callable[..., Result]


def deployment(
    *, generation: int = 1, observed: int = 1, replicas: int = 2, ready: int = 2, updated: int = 2, image: str = "i:1"
) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "h2o-example", "namespace": "h2o", "generation": generation},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"image": image}, {"image": "side:1"}]}}},
        "status": {"observedGeneration": observed, "readyReplicas": ready, "updatedReplicas": updated},
    }


@pytest.mark.usefixtures("project")
def test_the_json_has_the_promised_keys(slipway: Slipway, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("get", [deployment(image="localhost:5000/h2o:7")])
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
                "ready": 2,
                "desired": 2,
                "image": "localhost:5000/h2o:7",
            }
        ]
    }
    assert len(fake_kubectl.calls) == 1


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
    live: dict[str, Any], ready: int, desired: int, slipway: Slipway, fake_kubectl: FakeProgram
) -> None:
    fake_kubectl.on("get", [live])
    result = slipway("status", "--json")
    (app,) = json.loads(result.stdout)["apps"]
    assert (app["ready"], app["desired"]) == (ready, desired)
    assert result.exit_code == (0 if ready == desired else 1)


@pytest.mark.usefixtures("project")
def test_a_daemon_set_counts_its_nodes() -> None:
    live = {
        "metadata": {"generation": 1},
        "spec": {},
        "status": {
            "observedGeneration": 1,
            "desiredNumberScheduled": 3,
            "numberReady": 3,
            "updatedNumberScheduled": 2,
        },
    }
    assert counts("DaemonSet", live) == (2, 3)


def test_an_app_without_pods_is_not_ready() -> None:
    app = AppStatus("a", "s", "c", "n", None, ready=0, desired=0, image="i")
    assert not app.is_ready


PLAN = {
    "resources": [
        {"name": "ns", "inputs": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}}},
        {
            "name": "web-service",
            "inputs": {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "web", "namespace": "${ns.metadata.name}"},
            },
        },
        {"name": "zone", "inputs": {"name": "example.org"}},
    ]
}
SERVICE = Key("", "Service", "web", "web")


@pytest.mark.parametrize(
    ("text", "live", "url"),
    [
        ("http://127.0.0.1:30080/", {}, "http://127.0.0.1:30080/"),
        (
            "http://127.0.0.1:${web-service.spec.ports[0].nodePort}/x",
            {SERVICE: {"spec": {"ports": [{"nodePort": 31234}]}}},
            "http://127.0.0.1:31234/x",
        ),
        (
            "http://${web-service.status.loadBalancer.ingress[0].ip}",
            {SERVICE: {"status": {"loadBalancer": {"ingress": [{"ip": "10.99.0.100"}]}}}},
            "http://10.99.0.100",
        ),
        ("http://${web-service.status.loadBalancer.ingress[0].ip}", {SERVICE: {"status": {"loadBalancer": {}}}}, None),
        ("http://${web-service.status.loadBalancer.ingress[0].ip}", {}, None),
        ("http://${zone.name}", {}, None),
        ("http://${nobody.name}", {}, None),
    ],
)
def test_references_in_urls_are_read_from_the_live_objects(text: str, live: dict[Key, Any], url: str | None) -> None:
    resources = objects_by_resource(PLAN)
    assert resources["web-service"] == SERVICE
    assert resolve(text, resources, live) == url


def test_a_service_without_an_address_yet_has_no_url(
    project: Path, slipway: Slipway, fake_kubectl: FakeProgram
) -> None:
    file = project / "Pulumi.dev.yaml"
    text = file.read_text(encoding="utf-8").replace("      nodeAddress: 127.0.0.1\n", "")
    file.write_text(text, encoding="utf-8")
    service: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "h2o-example", "namespace": "h2o"},
        "status": {"loadBalancer": {}},
    }
    fake_kubectl.on("get", [deployment(), service])
    assert json.loads(slipway("status", "--json").stdout)["apps"][0]["url"] is None
    service["status"] = {"loadBalancer": {"ingress": [{"ip": "10.99.0.105"}]}}
    fake_kubectl.on("get", [deployment(), service])
    assert json.loads(slipway("status", "--json").stdout)["apps"][0]["url"] == "http://10.99.0.105"
