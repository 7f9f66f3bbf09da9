"""Watching a rollout: what is shown, whom waiting cannot help, and what holds up a StatefulSet."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from local.progress import SilentProgress
from ops.cluster.stateful import free_stateful_sets
from ops.cluster.watch import Patience, watch
from ops.diagnose import troubles
from ops.kube import Key
from ops.render.result import App
from ops.stack import Stack
from ops.status import all_ready
from tests.support.clock import Clock
from tests.support.memory import MemoryCluster, deployed
from tests.support.thing import thing

if TYPE_CHECKING:
    from ops.kube import Kubectl
    from ops.render.result import Rendered
    from tests.support.programs import FakeProgram

LABELS = {"slipway.dev/stack": "dev"}


def pod(name: str, reason: str = "ImagePullBackOff", **metadata: Any) -> dict[str, Any]:
    """A pod that cannot start."""
    container = {"name": "web", "ready": False, "restartCount": 0, "state": {"waiting": {"reason": reason}}}
    return thing("Pod", f"n/{name}", {"status": {"phase": "Pending", "containerStatuses": [container]}}, **metadata)


def test_patience_ends_only_for_the_same_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    bad, other = troubles([pod("a")]), troubles([pod("b")])
    patience = Patience()
    assert patience.exhausted(bad) is None
    now[0] += 44
    assert patience.exhausted(bad) is None
    assert patience.exhausted(other) is None
    now[0] += 2
    assert patience.exhausted(bad) is None
    now[0] += 45
    lost = patience.exhausted(bad)
    assert lost is not None
    assert lost.pod == "a"


class Notes(SilentProgress):
    """Keeps what is told."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def cluster() -> MemoryCluster:
    """A cluster with a Deployment of two pods, none of them ready."""
    found = MemoryCluster()
    found.put(thing("Namespace", "n", labels=LABELS))
    found.put(thing("Deployment", "n/web", {"spec": {"replicas": 2}}, labels=LABELS))
    return found


@pytest.fixture
def stack() -> Stack:
    none: dict[str, Any] = dict.fromkeys(
        ("service", "service_type", "node_port", "path", "ingress_host", "part_of", "url")
    )
    app = App("web", "s", "local", "n", "Deployment", "web", image="i:1", **none)
    rendered = SimpleNamespace(stack="dev", plan={"resources": []}, manifests={}, apps=[app])
    return Stack("dev", Path(), cast("Rendered", rendered), Notes())


def told(stack: Stack) -> list[str]:
    assert isinstance(stack.progress, Notes)
    return stack.progress.lines


def become_ready(cluster: MemoryCluster) -> None:
    cluster.put(deployed(cluster.objects[Key("apps", "Deployment", "n", "web")]))


def test_each_change_is_a_line_and_the_summary_comes_now_and_then(
    stack: Stack, cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(*([lambda: None] * 5), lambda: become_ready(cluster))
    monkeypatch.setattr("ops.cluster.watch.time", clock)
    assert watch(stack, cluster, all_ready, 60, lambda: f"{clock.now:.0f} s of work") is None
    assert told(stack) == ["web: 0 of 2 ready", "10 s of work", "web: 2 of 2 ready"]


def test_a_cluster_that_gives_no_answer_for_a_moment_is_asked_again(
    stack: Stack, cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*, is_so: bool) -> None:
        cluster.silent = is_so

    clock = Clock(lambda: silent(is_so=True), lambda: silent(is_so=False), lambda: become_ready(cluster))
    monkeypatch.setattr("ops.cluster.watch.time", clock)
    assert watch(stack, cluster, lambda apps: bool(apps) and all_ready(apps), 60) is None
    assert clock.now == 6


def test_a_pod_that_cannot_start_ends_the_watch_and_time_does(
    stack: Stack, cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.cluster.watch.time", Clock())
    assert watch(stack, cluster, all_ready, 30) is None
    cluster.put(pod("web-1", labels=LABELS))
    lost = watch(stack, cluster, all_ready, 600)
    assert lost is not None
    assert lost.pod == "web-1"


def test_pods_that_no_node_has_room_for_and_refused_ones_end_the_watch_too(
    stack: Stack, cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("ops.cluster.watch.time", clock)
    full = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "1 Insufficient memory."}
    waiting = pod("web-1", labels=LABELS)
    cluster.put({**waiting, "status": {"phase": "Pending", "conditions": [full]}})
    lost = watch(stack, cluster, all_ready, 600)
    assert (str(lost), clock.now) == ("pod n/web-1 cannot start (Unschedulable: 1 Insufficient memory.)", 120)
    del cluster.objects[Key("", "Pod", "n", "web-1")]
    web = cluster.objects[Key("apps", "Deployment", "n", "web")]
    refused = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    cluster.put({**web, "status": {"conditions": [refused]}})
    assert str(watch(stack, cluster, all_ready, 600)) == "no pod of n/web can be made (exceeded quota)"
    assert clock.now == 166


def stateful_pod(revision: str) -> dict[str, Any]:
    owner = {"kind": "StatefulSet", "name": "db"}
    return pod("db-0", labels={"controller-revision-hash": revision}, ownerReferences=[owner])


@pytest.mark.parametrize(("revision", "observed", "deleted"), [("old", 2, True), ("new", 2, False), ("old", 1, False)])
def test_a_broken_pod_of_an_old_revision_does_not_hold_up_a_stateful_set(
    revision: str, observed: int, deleted: bool, kubectl: Kubectl, fake_kubectl: FakeProgram
) -> None:
    status = {"observedGeneration": observed, "updateRevision": "new"}
    workload = thing("StatefulSet", "n/db", {"status": status}, generation=2)
    fake_kubectl.on("get statefulsets.apps db -n n", [workload])
    fake_kubectl.on("delete")
    broken = stateful_pod(revision)
    free_stateful_sets(kubectl, [broken], troubles([broken]))
    assert any("delete pod/db-0 -n n" in call.line for call in fake_kubectl.calls) == deleted


def test_no_stateful_set_is_asked_about_without_need(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    plain = pod("web-1")
    free_stateful_sets(kubectl, [plain], troubles([plain]))
    assert fake_kubectl.calls == []
