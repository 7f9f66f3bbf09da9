"""Pulumi's state: pending operations, protection, who holds the lock; and what its events mean."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from pulumi import automation
from pulumi.automation.errors import CommandError, ConcurrentUpdateError
from pulumi.automation.events import EngineEvent

from ops.drift.report import Difference, Recovery
from ops.engines import state
from ops.engines.base import Change
from ops.engines.events import Findings, Steps
from ops.engines.session import Session
from ops.engines.workspace import Place
from ops.errors import BusyError, EngineError

if TYPE_CHECKING:
    from ops.engines.command import StoppableCommand
    from ops.stack import Stack

PREFIX = "urn:pulumi:prod::slipway::"
BUCKET = f"{PREFIX}aws:s3/bucket:Bucket::state"
SERVICE = f"{PREFIX}kubernetes:core/v1:Service::nginx"


def resource(urn: str, **more: object) -> dict[str, Any]:
    token = urn.split("::")[2]
    inputs: dict[str, Any] = {}
    if token.startswith("kubernetes:"):
        inputs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "nginx", "namespace": "n"}}
    return {"urn": urn, "type": token, "custom": True, "inputs": inputs, **more}


def operation(urn: str, kind: str) -> dict[str, Any]:
    return {"resource": resource(urn), "type": kind}


def refusal(user: str = "me", host: str = "far", pid: int = 7) -> str:
    return (
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the "
        f"lock file with `pulumi cancel`.\n  s3://b/.pulumi/locks/x.json: created by {user}@{host} (pid {pid}) at "
        "2026-11-21T06:00:00Z"
    )


def test_who_holds_the_lock_is_read_from_the_refusal() -> None:
    (holder,) = state.holders(refusal())
    assert str(holder) == "me@far, process 7, since 2026-11-21T06:00:00Z"
    assert not holder.gone
    assert state.holders("error: [409] Conflict: Another update is currently in progress.") == []


def test_a_holder_on_this_machine_is_gone_when_its_process_is() -> None:
    alive = state.Holder("me", socket.gethostname(), os.getpid(), "t")
    # The tests' own process is there, but is no Pulumi: the number was given out again.
    assert alive.gone

    def read_bytes(_: Path) -> bytes:
        return b"/usr/bin/pulumi\0up"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "read_bytes", read_bytes)
        assert not alive.gone
    assert state.Holder("me", socket.gethostname(), 2**22 + 1, "t").gone


@pytest.mark.parametrize(
    ("urn", "kind", "harmless", "adoptable"),
    [
        (SERVICE, "creating", False, True),
        (SERVICE, "updating", True, False),
        (BUCKET, "creating", False, False),
        (BUCKET, "updating", True, False),
        (BUCKET, "deleting", True, False),
    ],
)
def test_only_what_may_have_been_made_in_a_cloud_needs_a_person(
    urn: str, kind: str, harmless: bool, adoptable: bool
) -> None:
    (found,) = state.pending({"pending_operations": [operation(urn, kind)]})
    assert (found.harmless, found.adoptable) == (harmless, adoptable)


def test_names_are_what_people_know() -> None:
    assert [p.name for p in state.pending({"pending_operations": [operation(SERVICE, "creating")]})] == [
        "Service n/nginx"
    ]
    assert state.name_of(resource(BUCKET)) == "aws:s3/bucket:Bucket state"


def test_protected_are_resources_and_no_components() -> None:
    component = {**resource(f"{PREFIX}slipway:x:Y::y"), "custom": False, "protect": True}
    deployment = {"resources": [resource(BUCKET, protect=True), resource(SERVICE), component]}
    assert [entry["urn"] for entry in state.protected(deployment)] == [BUCKET]
    assert state.protected({}) == []


def test_forgetting_keeps_the_others() -> None:
    deployment = {"manifest": 1, "pending_operations": [operation(SERVICE, "creating"), operation(BUCKET, "creating")]}
    assert state.without_pending(deployment, {SERVICE}) == {
        "manifest": 1,
        "pending_operations": [operation(BUCKET, "creating")],
    }
    assert state.without_pending(deployment, {SERVICE, BUCKET}) == {"manifest": 1}


def test_what_may_have_been_made_takes_the_place_of_what_it_replaces() -> None:
    made = {**resource(SERVICE), "id": "n/nginx"}
    left_open = {"manifest": 1, "pending_operations": [operation(SERVICE, "creating"), operation(BUCKET, "creating")]}
    rest = {"manifest": 1, "pending_operations": [operation(BUCKET, "creating")]}
    other = resource(f"{SERVICE}2")
    replaced, leaving = resource(SERVICE, pendingReplacement=True), resource(SERVICE, delete=True)
    for before, after in (
        ([], [made]),
        ([other], [other, made]),
        ([replaced, other], [made, other]),
        ([leaving, other], [leaving, other, made]),
    ):
        found = state.with_created({**left_open, "resources": before}, {SERVICE, BUCKET})
        assert found == {**rest, "resources": after}


def test_an_object_of_the_whole_cluster_is_known_by_its_name() -> None:
    role = operation(f"{PREFIX}kubernetes:rbac.authorization.k8s.io/v1:ClusterRole::reader", "creating")
    role["resource"]["inputs"] = {"kind": "ClusterRole", "metadata": {"name": "reader"}}
    assert [p.object_id for p in state.pending({"pending_operations": [role]})] == ["reader"]


class FakeStack:
    """A stack of the Automation API: a state, perhaps with a lock on it."""

    def __init__(self, deployment: dict[str, Any], lock: str | None = None, *, unreachable: bool = False) -> None:
        self.deployment, self.lock, self.unreachable = deployment, lock, unreachable
        self.files: list[Path] = []
        self.refreshed: list[str] = []

    def run(self, arguments: list[str], *_: object) -> automation.CommandResult:
        """Pulumi's CLI: `stack export` and `stack import --file`."""
        if arguments[1] == "export":
            assert "--show-secrets" not in arguments
            return automation.CommandResult(json.dumps({"version": 3, "deployment": self.deployment}), "", 0)
        file = Path(arguments[arguments.index("--file") + 1])
        self.files.append(file)
        assert file.parent.stat().st_mode & 0o777 == 0o700
        if self.lock is not None:
            raise ConcurrentUpdateError(automation.CommandResult(stdout="", stderr=self.lock, code=255))
        self.deployment = cast("dict[str, Any]", json.loads(file.read_text())["deployment"] or {})
        return automation.CommandResult("", "", 0)

    def cancel(self) -> None:
        self.lock = None

    def refresh(self, *, target: list[str], **_: object) -> None:
        if self.unreachable:
            raise CommandError(automation.CommandResult(stdout="", stderr="error: no such cluster", code=255))
        self.refreshed += target


def session(fake: FakeStack | None, *, own: bool = False) -> Session:
    place = Place(directory=Path("/nowhere"), environment={}, own_state=Path("/nowhere/state") if own else None)
    return Session("prod", cast("automation.Stack | None", fake), cast("StoppableCommand", fake), place)


def test_a_live_run_keeps_its_lock_and_is_named() -> None:
    fake = FakeStack({}, refusal())
    with pytest.raises(BusyError, match=r"me@far, process 7.*recover --stack prod --force"):
        session(fake).recover(Recovery("pulumi"), force=False)
    assert fake.lock is not None


def test_no_copy_of_the_state_stays_behind_when_it_is_refused() -> None:
    """The SDK's import leaves its file where it fails, and its export writes secrets in clear into it."""
    fake = FakeStack({}, refusal())
    with pytest.raises(BusyError):
        session(fake).recover(Recovery("pulumi"), force=False)
    assert len(fake.files) == 1
    assert not fake.files[0].parent.exists()


@pytest.mark.parametrize(
    ("lock", "own", "force"),
    [
        (refusal(), False, True),
        (refusal(), True, False),
        (refusal(host=socket.gethostname(), pid=2**22 + 1), False, False),
    ],
)
def test_the_lock_of_a_dead_run_is_freed(lock: str, own: bool, force: bool) -> None:
    fake, found = FakeStack({}, lock), Recovery("pulumi")
    session(fake, own=own).recover(found, force=force)
    assert fake.lock is None
    assert found.done[0].startswith("freed the lock of me@")


def test_what_a_killed_run_left_open_is_asked_for_forgotten_or_told() -> None:
    left_open = [operation(SERVICE, "creating"), operation(f"{SERVICE}2", "updating"), operation(BUCKET, "creating")]
    fake, found = FakeStack({"pending_operations": left_open}), Recovery("pulumi")
    session(fake).recover(found, force=False)
    made = {**resource(SERVICE), "id": "n/nginx"}
    assert fake.deployment == {"pending_operations": [operation(BUCKET, "creating")], "resources": [made]}
    assert fake.refreshed == [SERVICE]
    assert found.done == [
        "Service n/nginx was creating: it is in the state now if it is there",
        "Service n/nginx was updating: forgotten, the next run looks at it anew",
    ]
    assert f"--import-pending-creates '{BUCKET}' <its id>" in found.left[0]


def test_before_a_run_only_this_machines_own_state_is_freed() -> None:
    fake = FakeStack({"pending_operations": [operation(SERVICE, "updating")]}, refusal())
    session(fake).free()
    assert fake.lock is not None
    session(fake, own=True).free()
    assert (fake.lock, fake.deployment) == (None, {})


@pytest.mark.parametrize("own", [True, False])
def test_an_object_that_was_made_and_not_written_down_is_asked_for_before_a_run(own: bool) -> None:
    """Pulumi's Kubernetes provider refuses to make what is there already."""
    before = {"pending_operations": [operation(SERVICE, "creating")]}
    fake = FakeStack(before)
    session(fake, own=own).settle()
    assert fake.deployment == {"resources": [{**resource(SERVICE), "id": "n/nginx"}]}
    assert fake.refreshed == [SERVICE]
    # With nobody to ask the state stays as it was, for the next time.
    alone = FakeStack(before, unreachable=True)
    with pytest.raises(CommandError, match="no such cluster"):
        session(alone, own=own).settle()
    assert alone.deployment == before


def test_a_run_on_another_machine_is_not_disturbed() -> None:
    before = {"pending_operations": [operation(SERVICE, "creating")]}
    fake = FakeStack(before, refusal())
    with pytest.raises(ConcurrentUpdateError):
        session(fake).settle()
    assert (fake.deployment, fake.refreshed) == (before, [])


def test_protection_is_taken_away_in_the_state_only_where_asked() -> None:
    before = {"resources": [resource(BUCKET, protect=True), resource(SERVICE, protect=True)]}
    fake = FakeStack(before)
    session(fake).unprotect({SERVICE})
    assert [entry["protect"] for entry in fake.deployment["resources"]] == [True, False]
    assert [entry["protect"] for entry in before["resources"]] == [True, True]


def test_a_stack_that_its_backend_does_not_know() -> None:
    assert session(None).deployment() == {}
    with pytest.raises(EngineError, match="stack prod is not in Pulumi's backend"):
        _ = session(None).stack


def step(op: str, urn: str, old: dict[str, Any] | None, new: dict[str, Any] | None, **more: object) -> dict[str, Any]:
    token = urn.split("::")[2]

    def side(inputs: dict[str, Any] | None) -> dict[str, Any] | None:
        known = {"type": token, "urn": urn, "custom": True, "inputs": inputs, "outputs": inputs}
        return None if inputs is None else known

    return {
        "op": op,
        "urn": urn,
        "type": token,
        "provider": f"{PREFIX}pulumi:providers:kubernetes::k::id",
        "old": side(old),
        "new": side(new),
        **more,
    }


def event(kind: str, metadata: dict[str, Any]) -> EngineEvent:
    document = {"sequence": 0, "timestamp": 0, kind: {"metadata": metadata}}
    return EngineEvent.from_json(document)  # pyright: ignore[reportUnknownMemberType] - untyped library


def stack() -> Stack:
    provider = f"{PREFIX}pulumi:providers:kubernetes::k"
    rendered = SimpleNamespace(clusters={"local": SimpleNamespace(name="local", provider=provider)})
    return cast("Stack", SimpleNamespace(rendered=rendered))


def service(port: int) -> dict[str, Any]:
    return {**resource(SERVICE)["inputs"], "spec": {"ports": [{"port": port}]}}


def test_a_refresh_tells_what_was_changed_and_deleted_and_not_what_is_the_same() -> None:
    findings = Findings()
    bucket = {"versioning": True}
    for entry in (
        step("update", SERVICE, service(80), service(81)),
        step("delete", BUCKET, bucket, None),
        step("same", f"{BUCKET}2", bucket, bucket),
        step("refresh", f"{BUCKET}3", bucket, bucket),
    ):
        findings(event("resOutputsEvent", entry))
    changed, deleted = findings.differences(stack())
    assert (changed.kind, changed.cluster, changed.name) == ("changed", "local", "Service n/nginx")
    assert "-  - port: 81" in changed.diff
    assert "+  - port: 80" in changed.diff
    assert (deleted.kind, deleted.name) == ("deleted", "aws:s3/bucket:Bucket state")


def test_a_provider_that_reads_no_inputs_shows_the_outputs_that_it_named() -> None:
    entry = step("update", BUCKET, {"tags": {}}, {"tags": {}}, detailedDiff={"acl": {"diffKind": "update"}})
    entry["old"]["outputs"] = {"acl": "private", "etag": "1"}
    entry["new"]["outputs"] = {"acl": "public", "etag": "2"}
    findings = Findings()
    findings(event("resOutputsEvent", entry))
    (found,) = findings.differences(stack())
    assert "-acl: public" in found.diff
    assert "+acl: private" in found.diff
    assert "etag" not in found.diff


def test_a_preview_of_a_cloud_resource_has_a_diff_too() -> None:
    steps = Steps()
    entry = step("update", BUCKET, {"acl": "private"}, {"acl": "public"})
    steps(event("resourcePreEvent", entry))
    (change,) = steps.changes(stack())
    assert isinstance(change, Change)
    assert (change.operation, change.name) == ("update", "aws:s3/bucket:Bucket state")
    assert "+acl: public" in change.diff
    assert Difference("changed", None, "x").note == ""
