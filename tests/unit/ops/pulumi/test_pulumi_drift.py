"""`drift`, `refresh` and `recover`: what differs, what is written down, what a run that died left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ops.pulumi import lock
from tests.support.busy import held
from tests.support.fake_pulumi import PREFIX, begins, ends, operation, resource, step
from tests.support.thing import thing

if TYPE_CHECKING:
    from ops.stack import Stack
    from tests.support.fake_pulumi import FakePulumi
    from tests.support.memory import MemoryCluster
    from tests.unit.ops.conftest import Run

SERVICE = f"{PREFIX}kubernetes:core/v1:Service::h2o-example-service"
OURS = {"slipway.dev/stack": "dev"}


def drift(slipway: Run, code: int) -> dict[str, Any]:
    done = slipway("drift", "--json")
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def service(dev: Stack) -> dict[str, Any]:
    return next(item for item in dev.manifests("local") if item["kind"] == "Service")


def test_none_is_exit_code_0_and_changes_nothing(there: FakePulumi, cluster: MemoryCluster, slipway: Run) -> None:
    told = drift(slipway, 0)
    assert told == {
        "stack": "dev",
        "drift": False,
        "counts": {"changed": 0, "deleted": 0, "orphan": 0},
        "differences": [],
        "pending": [],
        "interrupted": [],
        "unasked": [],
    }
    assert there.ran() == ["stack export", "refresh", "preview"]
    assert "--preview-only" in there.calls[1].line
    assert slipway("drift").stdout.strip() == "stack dev: no drift"
    assert cluster.calls == []


def test_what_somebody_deleted_or_changed_is_drift(there: FakePulumi, dev: Stack, provider: str, slipway: Run) -> None:
    wanted = service(dev)
    there.on("^refresh", ends(step("delete", SERVICE, wanted, None, provider=provider)))
    told = drift(slipway, 2)
    assert [(d["kind"], d["cluster"], d["name"]) for d in told["differences"]] == [
        ("deleted", "local", "Service h2o/h2o-example")
    ]
    assert told["pending"] == []
    shown = slipway("drift").stdout
    assert "Not as it was applied (- what is there, + what was applied):" in shown
    assert "stack dev: 1 deleted; `slipway up --stack dev` puts it right" in shown
    edited = {**wanted, "spec": {**wanted["spec"], "type": "ExternalName"}}
    there.on("^refresh", ends(step("update", SERVICE, wanted, edited, provider=provider)))
    (found,) = drift(slipway, 2)["differences"]
    assert found["kind"] == "changed"
    assert "-  type: ExternalName" in found["diff"]


def test_what_somebody_added_stands_beside_what_was_changed_of_the_same_object(
    there: FakePulumi, cluster: MemoryCluster, dev: Stack, provider: str, slipway: Run
) -> None:
    wanted = service(dev)
    fields: dict[str, Any] = {"manager": "kubectl-edit", "fieldsV1": {"f:metadata": {"f:labels": {"f:theirs": {}}}}}
    metadata = {**wanted["metadata"], "labels": {**wanted["metadata"]["labels"], "theirs": "1"}}
    edited = {**wanted, "metadata": {**metadata, "managedFields": [fields]}, "spec": {**wanted["spec"], "type": "X"}}
    cluster.put(edited)
    there.on("^refresh", ends(step("update", SERVICE, wanted, edited, provider=provider)))
    (found,) = drift(slipway, 2)["differences"]
    assert (found["kind"], found["name"]) == ("changed", "Service h2o/h2o-example")
    assert "-  type: X" in found["diff"]
    assert "-    theirs: '1'" in found["diff"]
    assert found["diff"].count("--- live") == 1
    assert cluster.calls == []


def test_what_the_program_says_otherwise_is_pending(there: FakePulumi, dev: Stack, provider: str, slipway: Run) -> None:
    there.on("^preview", begins(step("delete", SERVICE, service(dev), None, provider=provider)))
    told = drift(slipway, 2)
    assert told["differences"] == []
    assert [(c["operation"], c["name"]) for c in told["pending"]] == [("delete", "Service h2o/h2o-example")]
    assert "Not applied yet (the program says otherwise than the last `up`):" in slipway("drift").stdout


def test_what_nobody_makes_is_an_orphan_and_a_namespace_is_left_to_people(
    cluster: MemoryCluster, there: FakePulumi, slipway: Run
) -> None:
    cluster.put(thing("ConfigMap", "h2o/theirs", labels=OURS))
    cluster.put(thing("Namespace", "theirs", labels=OURS))
    told = drift(slipway, 2)
    assert [(d["kind"], d["name"], bool(d["note"])) for d in told["differences"]] == [
        ("orphan", "ConfigMap h2o/theirs", False),
        ("orphan", "Namespace theirs", True),
    ]
    assert there.state


def test_a_run_that_never_ended_is_told(there: FakePulumi, slipway: Run) -> None:
    there.state = {**(there.state or {}), "pending_operations": [operation(SERVICE, "updating")]}
    told = drift(slipway, 2)
    assert told["interrupted"] == ["Service n/nginx was updating when a run died"]
    assert "Interrupted:" in slipway("drift").stdout


def test_a_stack_that_was_never_applied_is_all_pending(
    pulumi: FakePulumi, cluster: MemoryCluster, dev: Stack, slipway: Run
) -> None:
    told = drift(slipway, 2)
    assert told["differences"] == []
    assert {(change["operation"], change["cluster"]) for change in told["pending"]} == {("create", "local")}
    assert {change["name"] for change in told["pending"]} == {str(key) for key in dev.wanted("local")}
    assert pulumi.state is None
    assert cluster.objects == {}


@pytest.mark.parametrize("changed", [False, True])
def test_refresh_writes_down_what_is_there(
    changed: bool, there: FakePulumi, dev: Stack, provider: str, slipway: Run
) -> None:
    if changed:
        there.on("^refresh", ends(step("delete", SERVICE, service(dev), None, provider=provider)))
    done = slipway("refresh")
    assert done.exit_code == 0, done.output
    said = "the state says now what is there" if changed else "nothing to write down"
    assert done.stdout.strip() == f"stack dev: {said}"
    assert json.loads(slipway("refresh", "--json").stdout) == {"changed": changed}
    assert "--preview-only" not in there.calls[1].line


def test_there_is_nothing_to_refresh_or_recover_of_a_stack_that_is_not_there(
    pulumi: FakePulumi, cluster: MemoryCluster, slipway: Run
) -> None:
    assert slipway("refresh").stdout.strip() == "stack dev: nothing to write down"
    assert slipway("recover").stdout.strip() == "stack dev: nothing to recover"
    assert (pulumi.state, cluster.objects) == (None, {})


def test_recover_tells_what_it_did(there: FakePulumi, slipway: Run) -> None:
    assert slipway("recover").stdout.strip() == "stack dev: nothing to recover"
    bucket = f"{PREFIX}aws:s3/bucket:Bucket::state"
    there.state = {
        "resources": [],
        "pending_operations": [operation(SERVICE, "creating"), operation(bucket, "creating")],
    }
    there.lock()
    done = slipway("recover")
    assert done.exit_code == 0, done.output
    freed, made, left = done.stdout.splitlines()
    assert freed.startswith("freed the lock of ann@far, process 7")
    assert made == "Service n/nginx was creating: it is in the state now if it is there"
    assert left.startswith("left: aws:s3/bucket:Bucket state was being created, and nobody knows whether it is there.")
    assert (there.state or {})["resources"] == [resource(SERVICE, id="n/nginx")]
    assert json.loads(slipway("recover", "--json").stdout)["left"] == [left.removeprefix("left: ")]


def test_recover_leaves_a_live_run_alone_unless_forced(
    there: FakePulumi, slipway: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://state.example.com")
    there.lock()
    refused = slipway("recover")
    assert refused.exit_code == 1
    assert "is being worked on by ann@far, process 7" in refused.stderr
    assert there.locked
    assert slipway("recover", "--force").exit_code == 0
    assert not there.locked


def test_a_run_of_this_machine_is_left_alone(
    there: FakePulumi, dev: Stack, slipway: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_PATIENCE_S", 0.0)
    with held(dev.directory, "dev", "up"):
        for command in ("recover", "drift", "refresh", "up", "down"):
            done = slipway(command)
            assert done.exit_code == 1, (command, done.output)
            assert "slipway up" in done.stderr
    assert not [call for call in there.calls if call.arguments[0] in ("up", "destroy", "refresh", "preview")]
