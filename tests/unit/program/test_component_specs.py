"""What a workload says about itself: a contradiction is refused, and the message names both sides and the way out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from components.model import Port
from components.names import NAME_LIMIT, object_name
from components.platform.namespace import GuardedNamespaceArgs
from components.scope import Scope
from components.workload import (
    Autoscaling,
    Check,
    Container,
    ContainerResources,
    Exemption,
    Exposure,
    Probes,
    ServiceArgs,
    ServicePort,
    Storage,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.model import Namespace

NOWHERE = cast("Namespace", None)
"""The rules look at what is said, not at where it is made."""
WEB = Container("web", "nginx:1.29", ports=(Port("http", 80),), probes=Probes.of(Check(path="/", port="http")))
GOOD: dict[str, Any] = {"namespace": NOWHERE, "tier": "frontend", "containers": (WEB,)}
SCALING = Autoscaling(min_replicas=2, max_replicas=4, cpu_percent=50)
STORED = replace(WEB, claim_mount="/data")
HTTP = ServicePort("http", 80, "http")
STICKY = Exposure(ports=(HTTP,), host="a.example.com", sticky_cookie="route")


def workload(**changes: Any) -> ServiceArgs:
    return ServiceArgs(**{**GOOD, **changes})


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "no container": (lambda: workload(containers=()), "needs at least one container"),
    "replicas and autoscaling": (
        lambda: workload(replicas=3, autoscaling=SCALING),
        r"replicas \(3\) and autoscaling exclude each other; leave one out",
    ),
    "autoscaling without a CPU request": (
        lambda: workload(
            replicas=None, autoscaling=SCALING, containers=(replace(WEB, resources=ContainerResources(cpu="")),)
        ),
        "needs a CPU request on every container",
    ),
    "neither replicas nor autoscaling": (lambda: workload(replicas=None), "a Deployment needs replicas or autoscaling"),
    "no replicas at all": (lambda: workload(replicas=0), "replicas must be at least 1, not 0"),
    "fewer than none": (lambda: workload(replicas=-1), "replicas must be at least 1, not -1"),
    "replicas of a DaemonSet": (lambda: workload(kind="DaemonSet", replicas=2), "one pod a node: no replicas"),
    "autoscaled DaemonSet": (
        lambda: workload(kind="DaemonSet", replicas=None, autoscaling=SCALING),
        "one pod a node: no replicas, autoscaling",
    ),
    "DaemonSet with a volume": (
        lambda: workload(kind="DaemonSet", replicas=None, storage=Storage("1Gi"), containers=(STORED,)),
        "one pod a node: no replicas, autoscaling or storage",
    ),
    "one volume, two pods": (
        lambda: workload(replicas=2, storage=Storage("1Gi"), containers=(STORED,)),
        "ReadWriteOnce volume is mounted by one pod: replicas must be 1, not 2; or use a StatefulSet",
    ),
    "one volume, autoscaled": (
        lambda: workload(replicas=None, autoscaling=SCALING, storage=Storage("1Gi"), containers=(STORED,)),
        "replicas must be 1, not autoscaled; or use a StatefulSet",
    ),
    "storage that nobody mounts": (lambda: workload(storage=Storage("1Gi")), "no container says where it is mounted"),
    "a mount of nothing": (lambda: workload(containers=(STORED,)), "mounts a claim, but no storage is given"),
    "a selector that may change": (
        lambda: workload(selector={"app": "a", "revision": "1"}),
        "selector label revision may change; use app, role, tier",
    ),
    "sticky with one pod": (lambda: workload(exposure=STICKY), "sticky sessions need at least 2 replicas, not 1"),
    "sticky scaled down to one": (
        lambda: workload(replicas=None, autoscaling=replace(SCALING, min_replicas=1), exposure=STICKY),
        "sticky sessions need at least 2 replicas, not 1",
    ),
    "exposed without ports": (lambda: Exposure(ports=()), "needs at least one port"),
    "headless with an address": (
        lambda: Exposure(ports=(HTTP,), headless=True, service_type="LoadBalancer"),
        "headless Service is of type ClusterIP, not LoadBalancer",
    ),
    "node port of an internal Service": (
        lambda: Exposure(ports=(replace(HTTP, node_port=30000),)),
        "a node port needs service type NodePort or LoadBalancer, not ClusterIP",
    ),
    "sticky without a host": (lambda: Exposure(ports=(HTTP,), sticky_cookie="route"), "sticky cookie needs a host"),
    "check of nothing": (Check, "either a command or a port"),
    "check in two ways": (lambda: Check(port="http", command=("true",)), "either a command or a port"),
    "exemption without a reason": (lambda: Exemption("root-user", "  "), "exemption root-user needs a reason"),
    "weaker namespace without a reason": (
        lambda: GuardedNamespaceArgs(
            scope=cast("Scope", None), cluster=cast("Any", None), system="s", pod_security="baseline"
        ),
        "namespace of s: pod_security baseline needs pod_security_reason",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_contradictions_are_refused(name: str) -> None:
    make, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        make()


ACCEPTED: dict[str, Callable[[], object]] = {
    "the plain one": workload,
    "autoscaling alone": lambda: workload(replicas=None, autoscaling=SCALING),
    "DaemonSet": lambda: workload(kind="DaemonSet", replicas=None),
    "one volume, one pod": lambda: workload(storage=Storage("1Gi"), containers=(STORED,)),
    "one volume a pod": lambda: workload(kind="StatefulSet", replicas=3, storage=Storage("1Gi"), containers=(STORED,)),
    "a volume for many": lambda: workload(
        replicas=3, storage=Storage("1Gi", access_mode="ReadWriteMany"), containers=(STORED,)
    ),
    "sticky with two pods": lambda: workload(replicas=2, exposure=STICKY),
    "a selector by role": lambda: workload(selector={"app": "redis", "role": "master", "tier": "backend"}),
    "weaker with a reason": lambda: GuardedNamespaceArgs(
        scope=cast("Scope", None),
        cluster=cast("Any", None),
        system="s",
        pod_security="baseline",
        pod_security_reason="edits its own files",
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_nearest_right_one_is_accepted(name: str) -> None:
    assert ACCEPTED[name]() is not None


def test_probes_of_one_check() -> None:
    ready, alive = Check(path="/ready", port="http"), Check(path="/alive", port="http")
    probes = Probes.of(ready, startup_seconds=90, liveness=alive)
    assert probes.readiness.check == ready
    assert probes.readiness.period == 1
    assert probes.liveness is not None
    assert probes.liveness.check == alive
    # Startup asks what liveness asks: it holds liveness back, not readiness.
    assert probes.startup.check == alive
    assert probes.startup.period * probes.startup.failures == 90


def test_object_names_are_short_and_never_meet() -> None:
    assert object_name("", "nginx") == "nginx"
    assert object_name("review-1", "nginx") == "review-1-nginx"
    long = [object_name("a" * 60, f"part-{number}") for number in range(50)]
    assert len(set(long)) == 50
    assert all(len(name) <= NAME_LIMIT and name[-9] == "-" for name in long)
    assert object_name("a" * NAME_LIMIT) == "a" * NAME_LIMIT
    assert "--" not in object_name("a" * 53 + "-" + "b" * 20)


def test_labels_say_to_whom_everything_belongs() -> None:
    scope = Scope(project="p", stack="s", owner="o", lifecycle="durable", namespace_prefix="x")
    assert scope.labels("sys") == {
        "slipway.dev/project": "p",
        "slipway.dev/stack": "s",
        "slipway.dev/system": "sys",
        "slipway.dev/owner": "o",
        "slipway.dev/lifecycle": "durable",
    }
    assert scope.namespace("sys") == "x-sys"
    assert scope.durable
    assert not replace(scope, lifecycle="ephemeral").durable
