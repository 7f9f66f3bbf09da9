"""Components on a recording monitor: what each makes, and what it refuses only when it is made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pulumi
import pytest
from pulumi.runtime.settings import SETTINGS

from components.model import Endpoint, Port
from components.workload import (
    Autoscaling,
    Check,
    Container,
    Exemption,
    Exposure,
    Probes,
    Service,
    ServiceArgs,
    ServicePort,
    Storage,
)
from tests.support.data import items, mapping, value
from tests.support.harness import by_type, make_cluster, make_namespace, run_program

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.model import Namespace

WEB = Container("web", "nginx:1.29", ports=(Port("http", 8080),), probes=Probes.of(Check(path="/", port="http")))
HTTP = ServicePort("http", 80, "http")


def make(namespace: Namespace, name: str = "web", **changes: Any) -> Service:
    given: dict[str, Any] = {"tier": "t", "containers": (WEB,), **changes}
    return Service(name, ServiceArgs(namespace=namespace, **given))


def on_a_cluster(program: Callable[[Namespace], object], **facts: Any) -> Callable[[], None]:
    def run() -> None:
        program(make_namespace(make_cluster(**facts)))

    return run


def edge_without_port(namespace: Namespace) -> None:
    silent = make(namespace, "silent", containers=(replace(WEB, ports=(), probes=None),))
    Endpoint(silent.peer, "http")


REFUSED: dict[str, tuple[Callable[[Namespace], object], str]] = {
    "an edge to a port that is not there": (
        lambda namespace: make(namespace).endpoint("https"),
        "edge to web:https: there is no such port; there is: http",
    ),
    "an edge to a workload without ports": (edge_without_port, "there is no such port; there is: none"),
    "a host without an ingress controller": (
        lambda namespace: make(namespace, exposure=Exposure(ports=(HTTP,), host="www.example.com")),
        r"host www\.example\.com needs an ingress controller on cluster one",
    ),
    "a Service port that nobody listens on": (
        lambda namespace: make(namespace, exposure=Exposure(ports=(ServicePort("http", 80, "https"),))),
        "Service port http leads to https, which no container listens on",
    ),
    "user 0": (lambda namespace: make(namespace, user=0), "runs as user 0: needs the exemption root-user"),
    "a container's user 0": (
        lambda namespace: make(namespace, containers=(replace(WEB, user=0),)),
        "runs as user 0: needs the exemption root-user",
    ),
    "a host's path": (
        lambda namespace: make(namespace, containers=(replace(WEB, host_paths={"/": "/host"}),)),
        "needs the exemption host-path",
    ),
    "a service account": (
        lambda namespace: make(namespace, service_account="reader"),
        "needs the exemption service-account-token",
    ),
    "two resources of one name": (
        lambda namespace: (make(namespace), make(namespace)),
        "two resources have the URN|already registered|duplicate",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    program, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        run_program(on_a_cluster(program))


def test_an_edge_across_clusters_is_refused() -> None:
    def program() -> None:
        one, two = make_namespace(make_cluster("one")), make_namespace(make_cluster("two"))
        make(one, "client", connects_to=(make(two, "server").endpoint("http"),))

    with pytest.raises(ValueError, match=r"edge client -> server: they run on different clusters \(one, two\)"):
        run_program(program)


def test_an_exemption_is_written_on_the_pods() -> None:
    exemption = Exemption("writable-root", "edits its own files")
    recorded = run_program(on_a_cluster(lambda namespace: make(namespace, exemptions=(exemption,))))
    (deployment,) = by_type(recorded, ":Deployment")
    pod = mapping(deployment.inputs, "spec", "template")
    assert mapping(pod, "metadata", "annotations") == {"slipway.dev/exempt-writable-root": "edits its own files"}
    assert value(items(pod, "spec", "containers")[0], "securityContext", "readOnlyRootFilesystem") is False


def test_a_failed_run_leaves_nothing_for_the_next_one_to_wait_for() -> None:
    """The SDK would keep the outputs of a failed run and let the next run of the process wait for them for ever."""
    before = len(cast("Any", SETTINGS).outputs)
    for _ in range(5):
        with pytest.raises(ValueError, match="needs the exemption root-user"):
            run_program(on_a_cluster(lambda namespace: make(namespace, user=0)))
        assert len(cast("Any", SETTINGS).outputs) == before
        run_program(on_a_cluster(make))


def test_a_changed_file_changes_the_pods() -> None:
    def digest(content: str) -> str:
        container = replace(WEB, files={"/etc/web": {"web.conf": content}})
        recorded = run_program(on_a_cluster(lambda namespace: make(namespace, containers=(container,))))
        (deployment,) = by_type(recorded, ":Deployment")
        return value(deployment.inputs, "spec", "template", "metadata", "annotations", "slipway.dev/config-digest")

    assert digest("a") == digest("a") != digest("b")


DIGEST = f"sha256:{'0123456789abcdef' * 4}"


@pytest.mark.parametrize(
    ("digests", "asked", "pulled"),
    [
        (True, f"registry.example.com:5000/nginx:1.29@{DIGEST}", f"registry.example.com:5000/nginx:1.29@{DIGEST}"),
        # A mirror may have built what it has under that name: the public image's digest is not its own.
        (False, f"registry.example.com:5000/nginx:1.29@{DIGEST}", "registry.example.com:5000/nginx:1.29"),
        (False, f"registry.example.com:5000/nginx@{DIGEST}", f"registry.example.com:5000/nginx@{DIGEST}"),
        (False, "nginx:1.29", "nginx:1.29"),
    ],
)
def test_a_digest_beside_a_tag_is_for_clusters_that_pull_the_public_image(
    digests: bool, asked: str, pulled: str
) -> None:
    changes: dict[str, Any] = {
        "containers": (replace(WEB, image=asked),),
        "init_containers": (replace(WEB, name="first", image=asked, ports=(), probes=None),),
    }
    recorded = run_program(on_a_cluster(lambda namespace: make(namespace, **changes), image_digests=digests))
    (deployment,) = by_type(recorded, ":Deployment")
    for containers in ("containers", "initContainers"):
        (container,) = items(deployment.inputs, "spec", "template", "spec", containers)
        assert container["image"] == pulled


def test_a_low_port_is_opened_for_an_ordinary_user() -> None:
    low = replace(WEB, ports=(Port("http", 80),))
    for container, expected in ((WEB, []), (low, [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}])):
        changes: dict[str, Any] = {"containers": (container,)}
        recorded = run_program(on_a_cluster(lambda namespace, changes=changes: make(namespace, **changes)))
        (deployment,) = by_type(recorded, ":Deployment")
        assert items(deployment.inputs, "spec", "template", "spec", "securityContext", "sysctls") == expected


def test_a_stored_deployment_is_recreated_and_its_claim_outlives_it() -> None:
    changes: dict[str, Any] = {"storage": Storage("1Gi"), "containers": (replace(WEB, claim_mount="/data"),)}
    recorded = run_program(on_a_cluster(lambda namespace: make(namespace, **changes)))
    (deployment,), (claim,) = by_type(recorded, ":Deployment"), by_type(recorded, ":PersistentVolumeClaim")
    assert value(deployment.inputs, "spec", "strategy", "type") == "Recreate"
    assert claim.urn in deployment.dependencies
    assert value(claim.inputs, "spec", "storageClassName") == "standard"


def test_an_autoscaled_deployment_begins_with_the_fewest_pods_and_keeps_what_the_autoscaler_decides() -> None:
    scaling = Autoscaling(min_replicas=2, max_replicas=5, cpu_percent=70, scale_down_seconds=15)
    recorded = run_program(on_a_cluster(lambda namespace: make(namespace, replicas=None, autoscaling=scaling)))
    (deployment,), (scaler,) = by_type(recorded, ":Deployment"), by_type(recorded, ":HorizontalPodAutoscaler")
    assert value(deployment.inputs, "spec", "replicas") == 2
    assert deployment.options["ignoreChanges"] == ["spec.replicas"]
    spec = mapping(scaler.inputs, "spec")
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 5)
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    assert value(spec, "behavior", "scaleDown", "stabilizationWindowSeconds") == 15


@pytest.mark.parametrize(
    ("facts", "exposure", "url"),
    [
        ({}, Exposure(ports=(replace(HTTP, node_port=30080),), service_type="NodePort"), "http://127.0.0.1:30080"),
        (
            {"node_address": None},
            Exposure(ports=(HTTP,), service_type="LoadBalancer"),
            "http://${web-service.status.loadBalancer.ingress[0].ip}",
        ),
        (
            {"node_address": None, "load_balancer_address": "hostname"},
            Exposure(ports=(replace(HTTP, number=8080),), service_type="LoadBalancer"),
            "http://${web-service.status.loadBalancer.ingress[0].hostname}:8080",
        ),
        ({}, Exposure(ports=(HTTP,)), None),
        ({}, Exposure(ports=(HTTP,), service_type="LoadBalancer", browsable=False), None),
    ],
)
def test_urls(facts: dict[str, Any], exposure: Exposure, url: str | None) -> None:
    recorded = run_program(on_a_cluster(lambda namespace: make(namespace, exposure=exposure), **facts))
    (service,) = by_type(recorded, "workloads:Service")
    told = service.outputs.get("url")
    assert (told.rstrip("/") if told else told) == url


def test_every_component_registers_outputs() -> None:
    recorded = run_program(on_a_cluster(make))
    components = [entry for entry in recorded.values() if not entry.custom and not entry.type.endswith(":Stack")]
    assert {entry.type for entry in components} == {
        "slipway:clusters:ExistingCluster",
        "slipway:platform:Namespace",
        "slipway:workloads:Service",
    }
    assert all(entry.outputs for entry in components)


def test_options_of_the_caller_reach_the_component() -> None:
    def program(namespace: Namespace) -> None:
        Service(
            "web",
            ServiceArgs(namespace=namespace, tier="t", containers=(WEB,)),
            pulumi.ResourceOptions(parent=namespace.resource, protect=True),
        )

    recorded = run_program(on_a_cluster(program))
    (service,) = by_type(recorded, "workloads:Service")
    assert service.protect
    assert service.parent is not None
    assert service.parent.endswith("::one-things-namespace")
