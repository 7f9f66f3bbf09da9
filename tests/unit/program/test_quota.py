"""The quota of a namespace follows from what its workloads ask for at most, a rolling update included."""

from __future__ import annotations

from typing import Any

import pytest

from ops.kube import section
from ops.render.program import render_config
from tests.support import cases

DEFAULT = {
    "pods": "40",
    "requests.cpu": "8",
    "requests.memory": "16Gi",
    "limits.memory": "24Gi",
    "persistentvolumeclaims": "10",
    "services.loadbalancers": "4",
}


def quota(app: str, **settings: Any) -> dict[str, str]:
    """The hard limits of a system's namespace in a stack of that system alone."""
    config = cases.changed(
        cases.case("dev"), clusters={"local": {"kind": "embedded"}}, apps={app: {"cluster": "local", **settings}}
    )
    manifests = [item for items in render_config(config).manifests["local"].values() for item in items]
    (found,) = [item for item in manifests if item["kind"] == "ResourceQuota"]
    return section(found, "spec", "hard")


@pytest.mark.parametrize("app", ["nginx", "guestbook"])
def test_what_tutorials_need_leaves_it_as_it_is(app: str) -> None:
    assert quota(app) == DEFAULT


def test_pods_of_before_that_are_ending_count_too() -> None:
    assert quota("nginx", replicas=41) == {**DEFAULT, "pods": "83", "requests.cpu": "9"}
    scaled = quota("nginx", autoscale={"minReplicas": 2, "maxReplicas": 100}, resources={"cpu": "50m"})
    assert scaled == {**DEFAULT, "pods": "201", "requests.cpu": "11", "requests.memory": "20Gi"}


def test_memory() -> None:
    assert quota("nginx", resources={"memoryLimit": "12Gi"}) == {**DEFAULT, "limits.memory": "60Gi"}


def test_all_workloads_of_a_namespace_count() -> None:
    found = quota("guestbook", slaves=30, replicas=30)
    assert found["pods"] == str((2 * 30 + 1) * 2 + 2)
