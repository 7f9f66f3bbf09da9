"""A stack opened with Pulumi's CLI: what a run that died left is settled, and what is wrong is one message."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pulumi import automation
from pulumi.automation.errors import CommandError

from ops.errors import BusyError, EngineError
from ops.pulumi.results import Recovery
from ops.pulumi.session import open_stack, told
from tests.support.fake_pulumi import PREFIX, operation, resource

if TYPE_CHECKING:
    from ops.stack import Stack
    from tests.support.fake_pulumi import FakePulumi

BUCKET = f"{PREFIX}aws:s3/bucket:Bucket::state"
SERVICE = f"{PREFIX}kubernetes:core/v1:Service::nginx"
MADE = {**resource(SERVICE), "id": "n/nginx"}
SHARED = "s3://state.example.com?region=ap-northeast-1"


@pytest.fixture
def stack(dev: Stack) -> Stack:
    return dev


@pytest.fixture(params=[False, True], ids=["own", "shared"])
def shared(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Both kinds of backends in turn."""
    if request.param:
        monkeypatch.setenv("PULUMI_BACKEND_URL", SHARED)
    return request.param


def recover(pulumi: FakePulumi, stack: Stack, *, force: bool = False) -> Recovery:
    found = Recovery()
    with open_stack(pulumi.cli, stack, create=False) as session:
        session.recover(found, force=force)
    return found


def settle(pulumi: FakePulumi, stack: Stack) -> None:
    with open_stack(pulumi.cli, stack, create=False) as session:
        session.settle()


def lock_file(tmp_path: Path) -> Path:
    """What says that a run of this machine holds, or held, the lock of our own backend."""
    file = tmp_path / "data/slipway/state/.pulumi/locks/organization/slipway/dev/x.json"
    file.parent.mkdir(parents=True)
    file.touch()
    return file


def test_a_live_run_keeps_its_lock_and_is_named(
    pulumi: FakePulumi, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", SHARED)
    pulumi.state = {}
    pulumi.lock()
    with pytest.raises(BusyError, match=r"ann@far, process 7.*recover --stack dev --force"):
        recover(pulumi, stack)
    assert pulumi.locked
    # The SDK's import leaves its file where it fails, and its export writes secrets in clear into it.
    file = Path(pulumi.calls[-1].arguments[3])
    assert pulumi.calls[-1].arguments[2] == "--file"
    assert not file.parent.exists()
    assert not [call for call in pulumi.calls if "--show-secrets" in call.arguments]


@pytest.mark.parametrize(
    ("holder", "backend", "force"),
    [
        ("ann@far (pid 7)", SHARED, True),
        ("ann@far (pid 7)", "", False),
        (f"ann@{socket.gethostname()} (pid {2**22 + 1})", SHARED, False),
    ],
)
def test_the_lock_of_a_dead_run_is_freed(
    holder: str, backend: str, force: bool, pulumi: FakePulumi, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", backend)
    pulumi.state = {}
    pulumi.lock(holder)
    found = recover(pulumi, stack, force=force)
    assert not pulumi.locked
    assert found.done[0].startswith("freed the lock of ann@")


@pytest.mark.usefixtures("shared")
def test_what_a_killed_run_left_open_is_asked_for_forgotten_or_told(pulumi: FakePulumi, stack: Stack) -> None:
    left_open = [operation(SERVICE, "creating"), operation(f"{SERVICE}2", "updating"), operation(BUCKET, "creating")]
    pulumi.state = {"pending_operations": left_open}
    pulumi.on(f"^refresh .*--target {SERVICE} ")
    found = recover(pulumi, stack)
    assert pulumi.state == {"pending_operations": [operation(BUCKET, "creating")], "resources": [MADE]}
    assert found.done == [
        "Service n/nginx was creating: it is in the state now if it is there",
        "Service n/nginx was updating: forgotten, the next run looks at it anew",
    ]
    assert f"--import-pending-creates '{BUCKET}' <its id>" in found.left[0]


def test_before_a_run_only_this_machines_own_state_is_freed(
    pulumi: FakePulumi, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {"pending_operations": [operation(SERVICE, "updating")]}
    pulumi.state = before
    pulumi.lock()
    lock_file(tmp_path)
    with monkeypatch.context() as patch:
        patch.setenv("PULUMI_BACKEND_URL", SHARED)
        settle(pulumi, stack)
        assert (pulumi.locked, pulumi.state) == (True, before)
    settle(pulumi, stack)
    assert (pulumi.locked, pulumi.state) == (False, {})


@pytest.mark.usefixtures("shared")
def test_an_object_that_was_made_and_not_written_down_is_asked_for_before_a_run(
    pulumi: FakePulumi, stack: Stack
) -> None:
    """Pulumi's Kubernetes provider refuses to make what is there already since 4.29."""
    before = {"pending_operations": [operation(SERVICE, "creating")]}
    pulumi.state = before
    # With nobody to ask the state stays as it was, for the next time.
    pulumi.on("^refresh", error="error: no such cluster")
    with pytest.raises(EngineError, match="no such cluster"):
        settle(pulumi, stack)
    assert pulumi.state == before
    pulumi.on(f"^refresh .*--target {SERVICE} ")
    settle(pulumi, stack)
    assert pulumi.state == {"resources": [MADE]}


def test_a_run_on_another_machine_is_not_disturbed(
    pulumi: FakePulumi, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", SHARED)
    before = {"pending_operations": [operation(SERVICE, "creating")]}
    pulumi.state = before
    pulumi.lock()
    with pytest.raises(BusyError, match=r"locked in Pulumi's backend by ann@far, process 7.*recover --stack dev"):
        settle(pulumi, stack)
    assert (pulumi.state, pulumi.locked) == (before, True)


def test_protection_is_taken_away_in_the_state_only_where_asked(pulumi: FakePulumi, stack: Stack) -> None:
    pulumi.state = {"resources": [resource(BUCKET, protect=True), resource(SERVICE, protect=True)]}
    with open_stack(pulumi.cli, stack) as session:
        session.unprotect({SERVICE})
        session.unprotect(set())
    assert pulumi.state is not None
    assert [entry["protect"] for entry in pulumi.state["resources"]] == [True, False]
    assert pulumi.ran().count("stack import") == 1


@pytest.mark.parametrize("create", [False, True])
def test_a_stack_that_its_backend_does_not_know(create: bool, pulumi: FakePulumi, stack: Stack) -> None:
    with open_stack(pulumi.cli, stack, create=create) as session:
        assert session.deployment() == {}
        assert (session.opened is not None) == create
        if not create:
            with pytest.raises(EngineError, match="stack dev is not in Pulumi's backend"):
                _ = session.stack
    assert (pulumi.state is not None) == create


def test_a_new_stack_is_made_with_the_key_of_its_file(
    pulumi: FakePulumi, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", SHARED)
    file = stack.directory / "Pulumi.dev.yaml"
    file.write_text(f"secretsprovider: awskms://alias/x\n{file.read_text(encoding='utf-8')}", encoding="utf-8")
    with open_stack(pulumi.cli, stack):
        pass
    (made,) = [call for call in pulumi.calls if call.line.startswith("stack init")]
    assert "--secrets-provider awskms://alias/x" in made.line
    assert made.directory == str(stack.directory)


def test_a_cli_that_is_too_old_is_told(pulumi: FakePulumi, stack: Stack) -> None:
    pulumi.state = {}
    old = replace(pulumi.cli, version="v3.100.0")
    with (
        pytest.raises(EngineError, match=rf"{pulumi.path} cannot be used: .*3\.181"),
        open_stack(old, stack) as session,
    ):
        session.stack.refresh()


@pytest.mark.parametrize(
    ("out", "err", "said"),
    [
        ("", "error: get credentials: none\nerror: get credentials: none\nwarning: x", "get credentials: none"),
        ("one\n\ntwo", "", "one\ntwo"),
        ("\n".join(str(n) for n in range(30)), "", "\n".join(str(n) for n in range(18, 30))),
    ],
)
def test_what_is_told_of_an_error_are_the_lines_that_say_what_is_wrong(out: str, err: str, said: str) -> None:
    error = CommandError(automation.CommandResult(stdout=out, stderr=err, code=255))
    assert told(error) == said


def test_the_state_is_private_while_it_is_handed_over(
    pulumi: FakePulumi, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no memory to write to, a private directory does."""
    real = os.access

    def access(path: Path, mode: int) -> bool:
        return str(path) != "/dev/shm" and real(path, mode)  # noqa: S108 - its name

    monkeypatch.setattr(os, "access", access)
    pulumi.state = {"resources": [resource(SERVICE, protect=True)]}
    with open_stack(pulumi.cli, stack) as session:
        session.unprotect({SERVICE})
    (call,) = [call for call in pulumi.calls if call.line.startswith("stack import")]
    assert not call.arguments[3].startswith("/dev/shm")  # noqa: S108
    assert not Path(call.arguments[3]).parent.exists()
