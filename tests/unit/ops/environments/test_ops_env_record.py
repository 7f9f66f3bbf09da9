"""Environments: the record on the cluster."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ops.engines.lock import HOME
from ops.environments import record as records
from ops.environments.names import now
from ops.environments.record import Record
from ops.errors import OpsError, RefusedError
from tests.support.memory import MemoryCluster

SETTINGS = "config:\n  slipway:clusters: {local: {kind: existing, context: test}}\n"


def record(**changes: Any) -> Record:
    start = now()
    plain = Record(
        name="pr-17",
        id="1f",
        template="dev",
        owner="ada",
        engine="helm",
        lifecycle="ephemeral",
        state="ready",
        created=start,
        expires=start + timedelta(hours=8),
        settings=SETTINGS,
        clusters=("local",),
        namespaces=("pr-17-h2o", "pr-17-nginx"),
        apps=2,
    )
    return replace(plain, **changes)


@pytest.fixture
def cluster() -> MemoryCluster:
    found = MemoryCluster()
    found.put(HOME)
    return found


def test_what_is_written_is_read_again(cluster: MemoryCluster) -> None:
    wanted = record()
    records.write(cluster, wanted)
    found = records.find(cluster, "pr-17")
    assert found is not None
    assert found.version
    assert replace(found, version="") == wanted
    assert records.everyone(cluster) == ([found], [])


def test_it_goes_with_the_stack_because_it_carries_its_label() -> None:
    metadata = record().manifest()["metadata"]
    assert metadata["labels"]["slipway.dev/stack"] == "pr-17"
    assert metadata["namespace"] == "slipway"


def test_no_environment_no_record(cluster: MemoryCluster) -> None:
    cluster.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other", "namespace": "slipway"}})
    assert records.find(cluster, "pr-17") is None
    assert records.everyone(cluster) == ([], [])
    assert records.update(cluster, "pr-17", state="ready") is None


def test_two_that_make_the_same_name_do_not_overwrite_each_other(cluster: MemoryCluster) -> None:
    records.write(cluster, record())
    with pytest.raises(RefusedError, match="changed by somebody else at the same time"):
        records.write(cluster, record(owner="grace"))
    found = records.find(cluster, "pr-17")
    assert found is not None
    assert found.owner == "ada"


def test_a_change_of_an_outdated_copy_is_refused(cluster: MemoryCluster) -> None:
    records.write(cluster, record())
    old = records.find(cluster, "pr-17")
    assert old is not None
    assert records.update(cluster, "pr-17", state="creating") is not None
    with pytest.raises(RefusedError, match="run this again"):
        records.write(cluster, replace(old, owner="grace"))


@pytest.mark.parametrize(("hours", "lifecycle", "over"), [(-1, "ephemeral", True), (1, "ephemeral", False)])
def test_its_time_is_over_when_the_moment_has_come(hours: int, lifecycle: str, over: bool) -> None:
    assert record(expires=now() + timedelta(hours=hours), lifecycle=lifecycle).expired is over


def test_what_was_made_durable_has_no_end() -> None:
    assert not record(expires=now() - timedelta(days=9), lifecycle="durable").expired


BROKEN = {
    "no end": ("annotations", "slipway.dev/expires", None, "it has no slipway.dev/expires"),
    "no moment": ("annotations", "slipway.dev/expires", "tomorrow", "'tomorrow' is no moment"),
    "unknown engine": ("annotations", "slipway.dev/engine", "steam", "engine steam"),
    "no owner": ("labels", "slipway.dev/owner", None, "it has no slipway.dev/owner"),
    "another stack": ("labels", "slipway.dev/stack", "dev", "name dev"),
    "no name": ("labels", "slipway.dev/stack", "kube-system", "kube-system"),
}


@pytest.mark.parametrize(("part", "key", "value", "told"), BROKEN.values(), ids=list(BROKEN))
def test_a_record_that_somebody_broke_is_told_and_never_acted_on(
    part: str, key: str, value: str | None, told: str, cluster: MemoryCluster
) -> None:
    records.write(cluster, record(name="fine"))
    item = record().manifest()
    item["metadata"][part].pop(key)
    if value is not None:
        item["metadata"][part][key] = value
    cluster.put(item)
    found, broken = records.everyone(cluster)
    assert [entry.name for entry in found] == ["fine"]
    (said,) = broken
    assert "ConfigMap slipway/slipway-environment-pr-17 is no record of an environment" in said
    assert told in said


@pytest.mark.parametrize("settings", ["config: [", "config: !!python/object:os.system {}"])
def test_settings_that_are_no_yaml_break_a_record(settings: str, cluster: MemoryCluster) -> None:
    item = record().manifest()
    item["data"]["stack.yaml"] = settings
    cluster.put(item)
    with pytest.raises(OpsError, match="is no record of an environment"):
        records.find(cluster, "pr-17")
