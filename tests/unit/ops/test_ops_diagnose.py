"""Pods in trouble: which they are, why, and for which waiting is in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ops.diagnose import HOPELESS_RESTARTS, explain, refusals, troubles
from ops.render.result import App
from tests.support.thing import thing

if TYPE_CHECKING:
    from ops.kube import Kubectl
    from tests.support.programs import FakeProgram


def pod(name: str, **status: object) -> dict[str, Any]:
    return thing("Pod", f"n/{name}", {"status": status})


RUNNING: dict[str, Any] = {"name": "web", "ready": False, "state": {"running": {}}}


def waiting(reason: str, message: str = "", restarts: int = 0) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"name": "web", "ready": False, "restartCount": restarts, "state": state}


def test_pods_in_trouble_are_told_with_the_reason() -> None:
    found = troubles(
        [
            pod("fine", phase="Running", conditions=[{"type": "Ready", "status": "True"}]),
            pod("image", phase="Pending", containerStatuses=[waiting("ImagePullBackOff", "no such image")]),
            pod("crash", phase="Running", containerStatuses=[waiting("CrashLoopBackOff", "back-off", 5)]),
            pod("starting", phase="Pending", containerStatuses=[waiting("ContainerCreating")]),
            pod("slow", phase="Running", containerStatuses=[RUNNING]),
            pod(
                "nowhere",
                phase="Pending",
                conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1"}],
            ),
            pod("done", phase="Succeeded"),
            thing("Pod", "n/going", {"status": {"phase": "Running"}}, deletionTimestamp="t"),
        ]
    )
    assert [(t.pod, t.reason, t.hopeless) for t in found] == [
        ("image", "ImagePullBackOff", True),
        ("crash", "CrashLoopBackOff", True),
        ("starting", "Pending", False),
        ("slow", "NotReady", False),
        ("nowhere", "Unschedulable", False),
    ]
    assert HOPELESS_RESTARTS == 5


OOM = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}


@pytest.mark.parametrize(
    ("state", "restarts", "hopeless"),
    [
        ({"state": OOM}, 0, False),
        ({**waiting("CrashLoopBackOff", "back-off"), "lastState": OOM}, 1, True),
        ({"state": {"running": {}}, "lastState": OOM}, 2, True),
        ({"state": {"running": {}}, "lastState": OOM}, 1, False),
    ],
)
def test_who_is_killed_for_memory_is_told_with_the_limit(state: dict[str, Any], restarts: int, hopeless: bool) -> None:
    container = {"name": "web", "ready": False, **state, "restartCount": restarts}
    spec = {"containers": [{"name": "web", "resources": {"limits": {"memory": "40Mi"}}}]}
    (found,) = troubles([{**pod("p", phase="Running", containerStatuses=[container]), "spec": spec}])
    assert (found.reason, found.hopeless) == ("OOMKilled", hopeless)
    assert str(found) == "pod n/p cannot start (OOMKilled: needs more than its memory limit of 40Mi)"


def test_no_room_on_any_node_is_told_apart_from_other_reasons_to_wait() -> None:
    def unschedulable(message: str) -> dict[str, Any]:
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        return pod("p", phase="Pending", conditions=[condition])

    messages = ("0/1 nodes are available: 1 Insufficient cpu.", "1 node(s) didn't have free ports", "0/1: taint")
    full, taken, other = troubles([unschedulable(message) for message in messages])
    assert (full.unplaced, taken.unplaced, full.hopeless, other.unplaced) == (True, True, False, False)
    assert "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu." in str(full)


def test_workloads_of_which_no_pod_can_be_made() -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: pods=40"}
    (found,) = refusals(
        [pod("web", conditions=[condition]), pod("fine", conditions=[{**condition, "status": "False"}])]
    )
    assert found.hopeless
    assert str(found) == "no pod of n/web can be made (exceeded quota: pods=40)"


APP = App("web", "s", "local", "n", "Deployment", "web", None, None, None, None, None, None, "i:1", None)


def test_the_explanation_has_reason_events_and_log(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("get pods", [pod("web-1", phase="Running", containerStatuses=[waiting("CrashLoopBackOff", "", 2)])])
    condition = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    fake_kubectl.on("get deployments", [thing("Deployment", "n/web", {"status": {"conditions": [condition]}})])
    fake_kubectl.on("get events", [{"reason": "BackOff", "message": "Back-off restarting"}])
    fake_kubectl.on("logs web-1", "first\nno such file: /etc/app.conf\n")
    text = explain(kubectl, "dev", [APP])
    assert "web: no pod can be made: exceeded quota" in text
    assert "pod n/web-1, container web: CrashLoopBackOff" in text
    assert "event BackOff: Back-off restarting" in text
    assert "log: no such file: /etc/app.conf" in text
    assert any("--previous" in call.arguments for call in fake_kubectl.calls)


def test_a_cluster_that_went_away_leaves_nothing_to_explain(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on(".", err="connection refused", code=1)
    assert explain(kubectl, "dev", [APP]) == ""
