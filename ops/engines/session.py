"""Pulumi's CLI, ready for one stack: its state, its lock, what a run that died left there."""

from __future__ import annotations

import copy
import json
import os
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pulumi import automation
from pulumi.automation.errors import CommandError, ConcurrentUpdateError, InvalidVersionError, StackNotFoundError

from ops.engines import own_state, state
from ops.engines.command import StoppableCommand
from ops.engines.workspace import place
from ops.errors import BusyError, EngineError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from ops.drift.report import Recovery
    from ops.engines.workspace import Place
    from ops.stack import Stack

ENVIRONMENT_TAG = "slipway:environment"
"""Tag of environments: should a cluster, which knows the rest, ever vanish, the backend still tells them by it."""
_SHOWN_LINES = 12
# The SDK's text of an error names the stream before its first line.
_STREAM = re.compile(r"^(code: \d+|stdout:|stderr:) ?")


@dataclass(frozen=True)
class Session:
    """Pulumi, ready for one stack.

    Attributes:
        name: Stack name.
        opened: The stack; None if its backend does not know it.
        command: How the CLI is called.
        place: Where it works.
    """

    name: str
    opened: automation.Stack | None
    command: StoppableCommand
    place: Place

    @property
    def stack(self) -> automation.Stack:
        """The stack.

        Raises:
            EngineError: Its backend does not know it.
        """
        if self.opened is None:
            raise EngineError(f"stack {self.name} is not in Pulumi's backend")
        return self.opened

    def deployment(self) -> Mapping[str, Any]:
        """The state, secrets encrypted; empty if there is none."""
        return _content(self.exported()) if self.opened is not None else {}

    def exported(self) -> automation.Deployment:
        """The whole state, secrets encrypted: the SDK's own export would hand them over in clear."""
        said = self.command.run(["stack", "export", "--stack", self.name], *self._where())
        read = cast("dict[str, Any]", json.loads(said.stdout))
        return automation.Deployment(read.get("version"), read.get("deployment"))

    def imported(self, state: automation.Deployment) -> None:
        """Put a state in the place of the one that is there.

        The SDK's own import leaves its file behind when it fails.

        Raises:
            ConcurrentUpdateError: Another run holds the stack's lock.
        """
        memory = Path("/dev/shm")  # noqa: S108 - in memory, and private: the directory below is made with mode 0700
        place = memory if os.access(memory, os.W_OK) else None
        with tempfile.TemporaryDirectory(prefix="slipway-", dir=place) as temporary:
            file = Path(temporary) / "state.json"
            file.write_text(json.dumps({"version": state.version, "deployment": state.deployment}), encoding="utf-8")
            self.command.run(["stack", "import", "--file", str(file), "--stack", self.name], *self._where())

    def _where(self) -> tuple[str, dict[str, str]]:
        return str(self.place.directory), dict(self.place.environment)

    def free(self) -> None:
        """Take away the lock of a killed run and what it left open, as far as that is ours to judge.

        Our file lock must be held: it says that no other run uses this machine's state.
        """
        if self._unlock():
            self._forget(state.pending(self.deployment()))

    def settle(self) -> None:
        """Free the stack, and write into the state which objects a killed run made on clusters before it could do so.

        On any backend: who else works on the stack holds its lock, and then this is refused.

        Raises:
            ConcurrentUpdateError: Another run holds the stack's lock.
            CommandError: A cluster cannot be asked.
        """
        ours = self._unlock()
        operations = state.pending(self.deployment())
        if ours:
            self._forget(operations)
        self._adopt(operations)

    def _unlock(self) -> bool:
        """Take away the lock of a killed run if the state is in our own backend; returns whether it is."""
        if self.place.own_state is None:
            return False
        own_state.sweep(self.place.own_state, self.name)
        self.stack.cancel()
        return True

    def recover(self, found: Recovery, *, force: bool) -> None:
        """Take away lock and pending operations of a run that died, on any backend.

        Args:
            found: Told what was done and what a person has to decide.
            force: Take the lock from a run that may be alive.

        Raises:
            BusyError: The lock is held by a run that is not known to be dead; names it.
        """
        exported = self.exported()
        try:
            # The same state again: it changes nothing, and needs the lock.
            self.imported(exported)
        except ConcurrentUpdateError as error:
            who = state.holders(str(error))
            if not (force or self.place.own_state or (who and all(holder.gone for holder in who))):
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
        """Take the protection of resources away in the state."""
        if not urns:
            return
        exported = self.exported()
        deployment = copy.deepcopy(dict(_content(exported)))
        for entry in state.resources(deployment):
            if entry["urn"] in urns:
                entry["protect"] = False
        self.imported(automation.Deployment(exported.version, deployment))

    def _forget(self, operations: Iterable[state.Pending]) -> None:
        urns = {operation.urn for operation in operations if operation.harmless}
        if urns:
            exported = self.exported()
            rest = state.without_pending(_content(exported), urns)
            self.imported(automation.Deployment(exported.version, rest))

    def _adopt(self, operations: Iterable[state.Pending]) -> None:
        urns = {operation.urn for operation in operations if operation.adoptable}
        if urns:
            exported = self.exported()
            self.imported(automation.Deployment(exported.version, state.with_created(_content(exported), urns)))
            try:
                # Reads what is there of them, and forgets those that are not.
                self.stack.refresh(target=sorted(urns), color="never", suppress_progress=True)
            except CommandError:
                self.imported(exported)
                raise


@contextmanager
def open_stack(cli: Path, stack: Stack, *, create: bool = True) -> Generator[Session]:
    """Open a stack with Pulumi's CLI.

    Args:
        cli: The CLI.
        stack: The stack.
        create: Make it in its backend where it is not known.

    Raises:
        EngineError: Pulumi fails, or is too old; says why.
        BusyError: Another run holds the stack's lock in a shared backend.
    """
    where = place(stack)
    try:
        command = StoppableCommand(cli, where.drop)
        workspace = automation.LocalWorkspace(
            work_dir=str(where.directory),
            env_vars=dict(where.environment),
            pulumi_command=command,
            secrets_provider=where.secrets_provider,
        )
        try:
            opened = automation.Stack.select(stack.name, workspace)
        except StackNotFoundError:
            opened = automation.Stack.create(stack.name, workspace) if create else None
            if opened is not None and stack.is_environment:
                opened.set_tag(ENVIRONMENT_TAG, "true")
        yield Session(stack.name, opened, command, where)
    except ConcurrentUpdateError as error:
        who = " and ".join(str(holder) for holder in state.holders(str(error))) or "another run"
        raise BusyError(
            f"stack {stack.name} is locked in Pulumi's backend by {who}; wait for it, or if it is dead: "
            f"slipway recover --stack {stack.name}"
        ) from None
    except InvalidVersionError as error:
        raise EngineError(f"{cli} cannot be used: {error}") from None
    except CommandError as error:
        raise EngineError(f"Pulumi ended with an error:\n{told(error)}") from None


def _content(exported: automation.Deployment) -> Mapping[str, Any]:
    return exported.deployment or {}


def told(error: CommandError) -> str:
    """The lines of Pulumi's output that say what is wrong."""
    lines = [_STREAM.sub("", line.strip()) for line in str(error).splitlines()]
    marked = [line.removeprefix("error: ") for line in lines if line.startswith("error:")]
    return "\n".join(dict.fromkeys(marked or [line for line in lines if line][-_SHOWN_LINES:]))


def changed(summary: automation.UpdateSummary) -> bool:
    """Whether a run changed anything."""
    counts = cast("dict[str, int]", summary.resource_changes or {})
    return any(counts.get(operation) for operation in CHANGING)


CHANGING = ("create", "update", "delete", "replace", "create-replacement", "delete-replaced")
"""Operations that change something."""
