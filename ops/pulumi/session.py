"""Pulumi's CLI, ready for one stack: its state, its lock, what a run that died left there."""

from __future__ import annotations

import json
import os
import re
import runpy
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pulumi.log
from pulumi import automation
from pulumi.automation.errors import CommandError, ConcurrentUpdateError, InvalidVersionError, StackNotFoundError

from ops.errors import BusyError, EngineError, RefusedError
from ops.pulumi import state
from ops.pulumi.backend import backend, refuse_full
from ops.pulumi.command import StoppableCommand

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    from ops.pulumi.backend import Backend
    from ops.pulumi.cli import Cli
    from ops.pulumi.results import Recovery
    from ops.stack import Stack

AT_ONCE = 64
"""Resource operations at a time; Pulumi's own default is four a processor, and most of them only wait."""
_SHOWN_LINES = 12
_FRAMES = 10
# The SDK's text of an error names the stream before its first line.
_STREAM = re.compile(r"^(code: \d+|stdout:|stderr:) ?")


class Opened(automation.Stack):
    """A stack of the Automation API that is known to be in its backend."""

    def __init__(self, name: str, workspace: automation.Workspace) -> None:
        """Bind it; the base class would run the CLI to select it, which each call names anyway."""
        self.name = name
        self.workspace = workspace

    def outputs(self) -> automation.OutputMap:
        """Nothing: after each `up` the base class would run the CLI twice for what nobody here reads."""
        return {}

    def info(self, show_secrets: bool = True) -> automation.UpdateSummary:  # noqa: ARG002 - overrides the library's
        """Nothing: after each run the base class would ask the CLI for the history, and nobody here reads it."""
        return _NO_SUMMARY


_NO_SUMMARY = automation.UpdateSummary("update", datetime.min, "", {}, {}, "succeeded")  # noqa: DTZ901 - no time at all


@dataclass(frozen=True)
class Session:
    """Pulumi, ready for one stack; `opened` is None if its backend does not know it."""

    name: str
    opened: Opened | None
    command: StoppableCommand
    backend: Backend
    _project: str
    _exported: automation.Deployment | None

    @property
    def stack(self) -> Opened:
        """Raises EngineError where the backend does not know it."""
        if self.opened is None:
            raise EngineError(f"stack {self.name} is not in Pulumi's backend")
        return self.opened

    def run(self, *arguments: str) -> str:
        """Run the CLI on the stack's backend; returns what it prints on standard output."""
        return self.command.run(list(arguments), str(self.backend.directory), dict(self.backend.environment)).stdout

    def deployment(self) -> Mapping[str, Any]:
        """The state as it was when the stack was opened, secrets encrypted; empty if there is none."""
        return _content(self._exported) if self._exported is not None else {}

    def exported(self) -> automation.Deployment:
        """The whole state as it is now, secrets encrypted: the SDK's own export would hand them over in clear."""
        return _parsed(self.run("stack", "export", "--stack", self.name))

    def imported(self, wanted: automation.Deployment) -> None:
        """Put a state in the place of the one that is there; the SDK's own import leaves its file behind when it fails.
        Raises ConcurrentUpdateError where another run holds the stack's lock."""
        memory = Path("/dev/shm")  # noqa: S108 - in memory, and private: the directory below is made with mode 0700
        place = memory if os.access(memory, os.W_OK) else None
        with tempfile.TemporaryDirectory(prefix="slipway-", dir=place) as temporary:
            file = Path(temporary) / "state.json"
            content = {"version": wanted.version, "deployment": wanted.deployment}
            file.write_text(json.dumps(content), encoding="utf-8")
            self.run("stack", "import", "--file", str(file), "--stack", self.name)

    def settle(self) -> None:
        """Take away the lock of a run that died, and write into the state what it had begun. What was being changed or
        deleted is forgotten: the next run looks at it anew. Which objects were being made on clusters is put into the
        state, and asked for. Our file lock must be held: it says that no other run of this machine is at work. Who
        works elsewhere holds Pulumi's lock, and then this raises ConcurrentUpdateError;
        CommandError where a cluster cannot be asked."""
        if self.backend.has_lock(self._project, self.name):
            self.stack.cancel()
        operations = state.pending(self.deployment())
        if self.backend.own is not None:
            self._forget(operations)
        self._adopt(operations)

    def recover(self, found: Recovery, *, force: bool) -> None:
        """Take away lock (by force that of a run that may be alive) and pending operations of a run that died. Raises
        BusyError with the holder of a lock that is not known to be dead."""
        exported = self.exported()
        try:
            # The same state again: it changes nothing, and needs the lock.
            self.imported(exported)
        except ConcurrentUpdateError as error:
            who = state.holders(str(error))
            if not (force or self.backend.own or (who and all(holder.gone for holder in who))):
                named = " and ".join(str(holder) for holder in who) or "another run"
                raise BusyError(
                    f"stack {self.name} is being worked on by {named}; wait for it, or if it is dead: "
                    f"slipway recover --stack {self.name} --force"
                ) from None
            self.stack.cancel()
            found.done.append(f"freed the lock of {' and '.join(str(holder) for holder in who) or 'another run'}")
        operations = state.pending(_content(exported))
        self._forget(operations)
        self._adopt(operations)
        for operation in operations:
            if operation.harmless:
                found.done.append(
                    f"{operation.name} was {operation.operation}: forgotten, the next run looks at it anew"
                )
            elif operation.adoptable:
                found.done.append(f"{operation.name} was creating: it is in the state now if it is there")
            else:
                found.left.append(
                    f"{operation.name} was being created, and nobody knows whether it is there. Look for it; if it is: "
                    f"pulumi refresh --stack {self.name} --import-pending-creates '{operation.urn}' <its id>; if not: "
                    f"pulumi refresh --stack {self.name} --clear-pending-creates"
                )

    def unprotect(self, urns: set[str]) -> None:
        if urns:
            self._rewrite(state.without_protection, urns)

    def _forget(self, operations: Iterable[state.Pending]) -> None:
        urns = {operation.urn for operation in operations if operation.harmless}
        if urns:
            self._rewrite(state.without_pending, urns)

    def _adopt(self, operations: Iterable[state.Pending]) -> None:
        urns = {operation.urn for operation in operations if operation.adoptable}
        if urns:
            before = self._rewrite(state.with_created, urns)
            try:
                # Reads what is there of them, and forgets those that are not.
                self.stack.refresh(target=sorted(urns), color="never", suppress_progress=True)
            except CommandError:
                self.imported(before)
                raise

    def _rewrite(
        self, change: Callable[[Mapping[str, Any], set[str]], dict[str, Any]], urns: set[str]
    ) -> automation.Deployment:
        """Change the state about some resources; returns the one before."""
        before = self.exported()
        self.imported(automation.Deployment(before.version, change(_content(before), urns)))
        return before


@contextmanager
def open_stack(cli: Cli, stack: Stack, *, create: bool = True, keep: bool = True) -> Generator[Session]:
    """Open a stack with Pulumi's CLI; its program runs in this process. `create` makes it in its backend where it is
    not known; without `keep` what was made here does not stay there. Raises as `one_message` does, and RefusedError for
    an environment that was removed meanwhile."""
    where = backend(stack)
    refuse_full(where)
    sys.unraisablehook = _quiet
    with one_message(cli, stack.name):
        command = StoppableCommand(cli, where.drop)
        workspace = automation.LocalWorkspace(
            work_dir=str(where.directory),
            program=_program(stack, where.environment),
            env_vars=dict(where.environment),
            pulumi_command=command,
            secrets_provider=where.secrets_provider,
        )
        opened: Opened | None = Opened(stack.name, workspace)
        exported: automation.Deployment | None = None
        before: bytes | None = None
        file = where.directory / f"Pulumi.{stack.name}.yaml"
        try:
            arguments = ["stack", "export", "--stack", stack.name]
            exported = _parsed(command.run(arguments, str(where.directory), dict(where.environment)).stdout)
        except StackNotFoundError:
            opened = None
            if create:
                _refuse_removed(stack)
                before = file.read_bytes()
                automation.Stack.create(stack.name, workspace)
                opened = Opened(stack.name, workspace)
        session = Session(stack.name, opened, command, where, stack.rendered.project, exported)
        try:
            yield session
        finally:
            if before is not None and not keep:
                session.run("stack", "rm", "--yes", "--preserve-config", "--stack", stack.name)
                # It holds the salt of the stack that was.
                file.write_bytes(before)


def _refuse_removed(stack: Stack) -> None:
    """An environment is in the backend as long as it lives; made by anything else, nobody would ever remove it."""
    if stack.is_environment:
        raise RefusedError(
            f"environment {stack.name} is not there any more: it was deleted, or its time was over; make it anew with "
            f"`slipway env create {stack.name}`"
        )


@contextmanager
def one_message(cli: Cli, stack: str) -> Generator[None]:
    """Tell what Pulumi's CLI ends with as an error of ours: BusyError where another run holds the stack's lock in a
    shared backend, else EngineError."""
    try:
        yield
    except ConcurrentUpdateError as error:
        who = " and ".join(str(holder) for holder in state.holders(str(error))) or "another run"
        raise BusyError(
            f"stack {stack} is locked in Pulumi's backend by {who}; wait for it, or if it is dead: "
            f"slipway recover --stack {stack}"
        ) from None
    except InvalidVersionError as error:
        raise EngineError(f"{cli.path} cannot be used: {error}") from None
    except CommandError as error:
        raise EngineError(f"Pulumi ended with an error:\n{told(error)}") from None


def _program(stack: Stack, environment: Mapping[str, str]) -> Callable[[], None]:

    def run() -> None:
        # Pulumi's SDK reads the kubeconfig for its provider from this process.
        if "KUBECONFIG" in environment:
            os.environ["KUBECONFIG"] = environment["KUBECONFIG"]
        # Several messages a resource, each a call that the program waits for and an event that nobody reads.
        pulumi.log.debug = _unheard
        # The state keeps each resource's stack, and is written twice a resource; frames of libraries are a third of it.
        sys.tracebacklimit = _FRAMES
        try:
            runpy.run_path(str(stack.program / "__main__.py"), run_name="__main__")
        finally:
            del sys.tracebacklimit

    return run


def _unheard(msg: str, resource: object = None, stream_id: object = None, ephemeral: object = None) -> None:
    """In the place of Pulumi's messages for its own developers."""


def _quiet(unraisable: sys.UnraisableHookArgs) -> None:
    """Say nothing of the program that was under way when Pulumi was stopped: it is given up where it stood."""
    if getattr(unraisable.object, "__name__", "") != "run_in_stack":
        sys.__unraisablehook__(unraisable)


def _parsed(text: str) -> automation.Deployment:
    read = cast("dict[str, Any]", json.loads(text))
    return automation.Deployment(read.get("version"), read.get("deployment"))


def _content(exported: automation.Deployment) -> Mapping[str, Any]:
    return exported.deployment or {}


def told(error: CommandError) -> str:
    """The lines of Pulumi's output that say what is wrong."""
    lines = [_STREAM.sub("", line.strip()) for line in str(error).splitlines()]
    marked = [line.removeprefix("error: ") for line in lines if line.startswith("error:")]
    return "\n".join(dict.fromkeys(marked or [line for line in lines if line][-_SHOWN_LINES:]))
