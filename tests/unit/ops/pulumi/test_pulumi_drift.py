"""`drift`, `refresh` and `recover` on Helm's engine, with stand-ins for kubectl and helm."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from local.progress import SilentProgress
from ops.engines import lock
from ops.engines.release import owned
from ops.stack import load
from tests.support.helm_cluster import RELEASE, Cluster, lease, record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    from tests.support.programs import FakeProgram

    Run = Callable[..., Result]


@pytest.fixture
def cluster(project: Path, fake_kubectl: FakeProgram, fake_helm: FakeProgram) -> Cluster:
    assert project.is_dir()
    assert fake_helm.path.is_file()
    return Cluster(fake_kubectl)


def drift(slipway: Run, code: int) -> dict[str, Any]:
    done = slipway("drift", "--engine", "helm", "--json")
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def test_none_is_exit_code_0_and_changes_nothing(cluster: Cluster, slipway: Run) -> None:
    cluster.ready()
    told = drift(slipway, 0)
    assert told["drift"] is False
    assert told["differences"] == told["pending"] == told["interrupted"] == []
    assert slipway("drift", "--engine", "helm").stdout.strip() == "stack dev: no drift"
    assert cluster.changing_calls == []


def test_what_somebody_deleted_is_drift(cluster: Cluster, slipway: Run) -> None:
    cluster.without("Service")
    cluster.ready()
    told = drift(slipway, 2)
    assert [(d["kind"], d["cluster"], d["name"]) for d in told["differences"]] == [
        ("deleted", "local", "Service h2o/h2o-example")
    ]
    assert told["pending"] == []
    shown = slipway("drift", "--engine", "helm").stdout
    assert "Not as it was applied (- what is there, + what was applied):" in shown
    assert "stack dev: 1 deleted; `slipway up --stack dev` puts it right" in shown


def test_what_left_the_program_is_pending_and_no_orphan(cluster: Cluster, slipway: Run) -> None:
    metadata = {"name": "old", "namespace": "h2o", "labels": {"slipway.dev/stack": "dev"}}
    old = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}}
    cluster.applied = [*cluster.program, old]
    cluster.live = [*cluster.live, owned(old, RELEASE)]
    cluster.ready()
    told = drift(slipway, 2)
    assert told["differences"] == []
    assert [(c["operation"], c["name"]) for c in told["pending"]] == [("delete", "ConfigMap h2o/old")]


def test_what_nobody_makes_is_an_orphan_and_a_namespace_is_left_to_people(cluster: Cluster, slipway: Run) -> None:
    labels = {"slipway.dev/stack": "dev"}
    cluster.extra = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": "h2o", "labels": labels}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "theirs", "labels": labels}},
    ]
    cluster.ready()
    told = drift(slipway, 2)
    assert [(d["kind"], d["name"], bool(d["note"])) for d in told["differences"]] == [
        ("orphan", "ConfigMap h2o/theirs", False),
        ("orphan", "Namespace theirs", True),
    ]


def test_a_run_that_never_ended_is_told(cluster: Cluster, slipway: Run) -> None:
    cluster.records = [record(1, "deployed"), record(2, "pending-upgrade")]
    cluster.ready()
    told = drift(slipway, 2)
    assert told["interrupted"] == [
        "revision 2 of slipway-dev is pending-upgrade: a run was interrupted or failed",
    ]
    assert "Interrupted:" in slipway("drift", "--engine", "helm").stdout


def test_a_stack_that_was_never_applied_is_all_pending(cluster: Cluster, slipway: Run) -> None:
    cluster.live, cluster.records = [], []
    cluster.ready()
    told = drift(slipway, 2)
    assert told["differences"] == []
    assert {change["operation"] for change in told["pending"]} == {"create"}
    assert len(told["pending"]) == len(cluster.program)


def test_refresh_says_that_there_is_no_copy(cluster: Cluster, slipway: Run) -> None:
    cluster.ready()
    done = slipway("refresh", "--engine", "helm")
    assert done.exit_code == 0
    assert "nothing to write down (engine: Helm; it asks the cluster each time and keeps no copy)" in done.stdout
    assert cluster.changing_calls == []


def test_recover_takes_away_the_pending_revision_and_the_stale_lease(cluster: Cluster, slipway: Run) -> None:
    cluster.records = [record(1, "deployed"), record(2, "pending-upgrade")]
    cluster.leases = [lease("elsewhere", "2026-01-01T00:00:00.000000Z")]
    cluster.ready()
    done = slipway("recover", "--engine", "helm", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["done"] == [
        "freed the lock of ann@far, process 7, slipway up on cluster local",
        "took away revision 2 of slipway-dev, which was pending-upgrade",
    ]
    assert "slipway up --stack dev" in told["left"][0]
    changed = cluster.changing_calls
    assert len(changed) == 2
    assert "lease.coordination.k8s.io/slipway-dev" in changed[0]
    assert "secret/sh.helm.release.v1.slipway-dev.v2 -n slipway" in changed[1]


def test_recover_leaves_a_live_run_alone_unless_forced(cluster: Cluster, slipway: Run) -> None:
    cluster.records = [record(1, "deployed"), record(2, "pending-upgrade")]
    cluster.leases = [lease("elsewhere", "2999-01-01T00:00:00.000000Z")]
    cluster.ready()
    refused = slipway("recover", "--engine", "helm")
    assert refused.exit_code == 1
    assert "is being worked on by ann@far, process 7, slipway up" in refused.stderr
    assert slipway("drift", "--engine", "helm").exit_code == 1
    assert cluster.changing_calls == []
    assert slipway("recover", "--engine", "helm", "--force").exit_code == 0
    assert len(cluster.changing_calls) == 2


def test_recover_leaves_a_process_of_this_machine_alone(
    cluster: Cluster, slipway: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.ready()
    monkeypatch.setattr(lock, "_PATIENCE_S", 0.0)
    kubectl = load("dev", SilentProgress()).kubectl("local")
    with lock.file_locks("dev", [kubectl], "up"):
        for command in ("recover", "drift"):
            done = slipway(command, "--engine", "helm")
            assert done.exit_code == 1
            assert "slipway up" in done.stderr
    assert slipway("recover", "--engine", "helm").stdout.strip() == "stack dev: nothing to recover"


def test_an_interrupted_removal_is_for_down(cluster: Cluster, slipway: Run) -> None:
    cluster.records = [record(1, "uninstalling")]
    cluster.ready()
    assert "slipway down --stack dev` finishes it" in slipway("recover", "--engine", "helm").stdout


@pytest.mark.parametrize("alive", [False, True])
def test_a_removal_killed_at_its_very_end_leaves_no_lock(cluster: Cluster, slipway: Run, *, alive: bool) -> None:
    """Nothing of the stack is there but the lock: the next removal frees it, unless somebody elsewhere works."""
    cluster.live = cluster.records = []
    now = datetime.now(UTC)
    renewed = (now if alive else now - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": "ada@elsewhere", "leaseDurationSeconds": 60, "acquireTime": "then", "renewTime": renewed}
    metadata = {"name": "slipway-dev", "namespace": "slipway", "resourceVersion": "5"}
    cluster.leases = [{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}]
    cluster.ready()
    cluster.kubectl.on("lifecycle=durable|get persistentvolumes|get namespaces slipway", [])
    done = slipway("down", "--engine", "helm")
    assert done.exit_code == 0, done.output
    freed = [line for line in cluster.changing_calls if "delete lease.coordination.k8s.io/slipway-dev" in line]
    assert len(freed) == (0 if alive else 1)


def test_all_that_is_protected_is_named_before_anything_is_removed(cluster: Cluster, slipway: Run) -> None:
    cluster.ready()
    marks = {"slipway.dev/stack": "dev", "slipway.dev/lifecycle": "durable"}
    held = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "h2o", "labels": marks}},
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": "h2o", "labels": marks},
        },
    ]
    cluster.kubectl.on("get namespaces,persistentvolumeclaims -A -l .*lifecycle=durable", held)
    for wish in ([], ["--yes-remove-durable", "prod"]):
        done = slipway("down", "--engine", "helm", *wish)
        assert done.exit_code == 1
        assert "  Namespace h2o: durable" in done.stderr
        assert "  PersistentVolumeClaim h2o/data: durable" in done.stderr
        assert "its data goes with it" in done.stderr
        assert "slipway down --stack dev --yes-remove-durable dev" in done.stderr
    assert cluster.changing_calls == []


def test_a_stack_of_clouds_alone_is_held_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_PATIENCE_S", 0.0)
    with (
        lock.file_locks("prod", [], "up"),
        pytest.raises(lock.BusyError, match="stack prod is being worked on by"),
        lock.file_locks("prod", [], "down"),
    ):
        pytest.fail("two runs at once")
