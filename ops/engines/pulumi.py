"""Pulumi's own engine, through its Automation API."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, cast

from pulumi import automation
from pulumi.automation.errors import CommandError, ConcurrentUpdateError, InvalidVersionError, StackNotFoundError

from ops.access import LOCAL_KINDS
from ops.diagnose import explain
from ops.engines import ownership
from ops.engines.base import Change, Operation, Outcome, Preview
from ops.engines.command import StoppableCommand
from ops.engines.differences import yaml_diff
from ops.engines.lock import file_locks
from ops.engines.removal import Removal
from ops.engines.watch import watch
from ops.engines.workspace import place
from ops.errors import EngineError, OpsError
from ops.images import ensure_images
from ops.kube import Key, section
from ops.status import all_ready, collect

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from pulumi.automation import UpdateSummary
    from pulumi.automation.events import EngineEvent, StepEventMetadata

    from ops.diagnose import PodTrouble
    from ops.engines.base import EngineName
    from ops.engines.workspace import Place
    from ops.kube import Kubectl
    from ops.stack import Stack

_OPERATIONS: dict[str, Operation] = {
    "create": "create",
    "update": "update",
    "delete": "delete",
    "replace": "replace",
}
_SHOWN_LINES = 12
# Colours in the engine's messages.
_MARKUP = re.compile(r"<\{%.*?%\}>")
# The SDK's text of an error names the stream before its first line.
_STREAM = re.compile(r"^(code: \d+|stdout:|stderr:) ?")


class PulumiEngine:
    """`pulumi up`, `preview` and `destroy`, with the words and exit codes of the other engine."""

    name: EngineName = "pulumi"

    def __init__(self, cli: Path) -> None:
        """Bind the CLI."""
        self._cli = cli

    def preview(self, stack: Stack) -> Preview:
        """What `up` would change."""
        for cluster, kubectl in stack.reachable().items():
            ownership.check(self.name, stack.name, kubectl, stack.namespaces(cluster))
        with self._open(stack) as session:
            events = _Events()
            session.stack.preview(on_event=events, color="never", refresh=_refreshes(stack), suppress_progress=True)
        return Preview(self.name, events.changes(stack))

    def up(self, stack: Stack, timeout: float) -> Outcome:
        """Run the program; wait until everything is ready."""
        clusters = stack.reachable()
        with file_locks(stack.name, list(clusters.values()), "up"):
            for cluster, kubectl in clusters.items():
                ownership.check(self.name, stack.name, kubectl, stack.namespaces(cluster))
            for cluster in clusters:
                ensure_images(stack, cluster)
            with self._open(stack) as session:
                session.recover()
                with _Watcher(stack, list(clusters), session.command, timeout) as watcher:
                    try:
                        result = session.stack.up(color="never", refresh=_refreshes(stack), on_event=watcher.event)
                    except CommandError as error:
                        if isinstance(error, ConcurrentUpdateError):
                            raise
                        told = "\n".join(watcher.errors) or _told(error)
                        raise EngineError(_failed(stack, clusters, told, watcher.lost)) from None
        self._settle(stack, clusters, timeout)
        return Outcome(self.name, _changed(result.summary))

    def _settle(self, stack: Stack, clusters: dict[str, Kubectl], timeout: float) -> None:
        """Pods that are just coming up again are waited for even if Pulumi had nothing to do."""
        for cluster, kubectl in clusters.items():
            if not all_ready(collect(stack.rendered, {cluster: kubectl}, cluster)):
                watch(stack, cluster, all_ready, timeout)
            if not all_ready(collect(stack.rendered, {cluster: kubectl}, cluster)):
                reasons = explain(kubectl, stack.name, stack.apps(cluster))
                raise EngineError(f"stack {stack.name} is installed as it should be, but not all is ready:\n{reasons}")

    def down(self, stack: Stack, timeout: float) -> Outcome:
        """Destroy everything, then prove on each cluster that nothing is left."""
        clusters = stack.reachable()
        with file_locks(stack.name, list(clusters.values()), "down"):
            for kubectl in clusters.values():
                ownership.check(self.name, stack.name, kubectl, [])
            removals = [Removal(stack, kubectl, None) for kubectl in clusters.values()]
            for removal in removals:
                removal.look()
            destroyed = self._destroy(stack)
            # What a killed run had made before it could write its state down carries the label all the same.
            swept = [removal.run(timeout) for removal in removals]
            for removal in removals:
                removal.prove()
        return Outcome(self.name, destroyed or any(swept))

    def _destroy(self, stack: Stack) -> bool:
        with self._open(stack, create=False) as session:
            if session.opened is None:
                return False
            session.recover()
            with stack.progress.step("pulumi destroy"):
                result = session.stack.destroy(color="never", remove=session.place.own, suppress_progress=True)
        return _changed(result.summary)

    @contextmanager
    def _open(self, stack: Stack, *, create: bool = True) -> Generator[_Session]:
        where = place(stack)
        try:
            command = StoppableCommand(self._cli, where.drop)
            workspace = automation.LocalWorkspace(
                work_dir=str(where.directory), env_vars=dict(where.environment), pulumi_command=command
            )
            try:
                opened = automation.Stack.select(stack.name, workspace)
            except StackNotFoundError:
                opened = automation.Stack.create(stack.name, workspace) if create else None
            yield _Session(opened, command, where)
        except ConcurrentUpdateError as error:
            raise EngineError(
                f"stack {stack.name} is locked in Pulumi's backend by another run; wait for it, or if it is dead: "
                f"pulumi cancel --stack {stack.name}\n{_told(error)}"
            ) from None
        except InvalidVersionError as error:
            raise EngineError(f"{self._cli} cannot be used: {error}") from None
        except CommandError as error:
            raise EngineError(f"Pulumi ended with an error:\n{_told(error)}") from None


@dataclass(frozen=True)
class _Session:
    """Pulumi, ready for one stack; `opened` is None for a stack that its backend does not know."""

    opened: automation.Stack | None
    command: StoppableCommand
    place: Place

    @property
    def stack(self) -> automation.Stack:
        if self.opened is None:
            raise EngineError("the stack is not in Pulumi's backend")
        return self.opened

    def recover(self) -> None:
        """Take away the lock of a killed run: our file lock says that no other run uses this machine's state."""
        if self.place.own:
            self.stack.cancel()


_CHANGING = ("create", "update", "delete", "replace", "create-replacement", "delete-replaced")


def _refreshes(stack: Stack) -> bool:
    """Whether the real state is asked first: seconds on a cluster, but minutes in a cloud."""
    return all(cluster.kind in LOCAL_KINDS for cluster in stack.rendered.clusters.values())


def _changed(summary: UpdateSummary) -> bool:
    counts = cast("dict[str, int]", summary.resource_changes or {})
    return any(counts.get(operation) for operation in _CHANGING)


def _told(error: CommandError) -> str:
    """The lines of Pulumi's output that say what is wrong."""
    lines = [_STREAM.sub("", line.strip()) for line in str(error).splitlines()]
    marked = [line.removeprefix("error: ") for line in lines if line.startswith("error:")]
    return "\n".join(dict.fromkeys(marked or [line for line in lines if line][-_SHOWN_LINES:]))


def _failed(stack: Stack, clusters: dict[str, Kubectl], told: str, lost: PodTrouble | None) -> str:
    reasons = [explain(kubectl, stack.name, stack.apps(name)) for name, kubectl in clusters.items()]
    text = "\n".join(reason for reason in reasons if reason)
    why = f"pod {lost.namespace}/{lost.pod} cannot start ({lost.reason})" if lost else told
    return (
        f"stack {stack.name}: the update failed: {why}\n{text}\n"
        "Pulumi does not roll back; pods of the revision before keep serving. Correct the setting and run `up` again"
    )


class _Events:
    """Collects the steps of a preview."""

    def __init__(self) -> None:
        self._steps: list[StepEventMetadata] = []

    def __call__(self, event: EngineEvent) -> None:
        if event.resource_pre_event is not None:
            self._steps.append(event.resource_pre_event.metadata)

    def changes(self, stack: Stack) -> list[Change]:
        """The changes of real resources; components have none of their own."""
        found: dict[str, Change] = {}
        for step in self._steps:
            operation = _OPERATIONS.get(str(step.op.value))
            state = step.new or step.old
            if operation is None or state is None or not state.custom or step.type.startswith("pulumi:"):
                continue
            before = dict(step.old.inputs or {}) if step.old else {}
            after = dict(step.new.inputs or {}) if step.new else {}
            name = _name(step.type, step.urn, after or before)
            diff = yaml_diff(before, after, name) if operation in ("update", "replace") else ""
            found[step.urn] = Change(operation, _cluster_of(stack, step), name, diff)
        return list(found.values())


def _name(token: str, urn: str, inputs: dict[str, Any]) -> str:
    if token.startswith("kubernetes:") and "name" in section(inputs, "metadata"):
        return str(Key.of(inputs))
    return f"{token} {urn.rsplit('::', 1)[-1]}"


def _cluster_of(stack: Stack, step: StepEventMetadata) -> str | None:
    provider = step.provider.rsplit("::", 1)[0]
    return next((c.name for c in stack.rendered.clusters.values() if c.provider == provider), None)


class _Watcher:
    """Shows the apps while Pulumi works, and stops it when waiting is in vain."""

    def __init__(self, stack: Stack, clusters: list[str], command: StoppableCommand, timeout: float) -> None:
        self.lost: PodTrouble | None = None
        self.errors: list[str] = []
        self._stack, self._clusters, self._command, self._timeout = stack, clusters, command, timeout
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._working = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._working.set()
        self._thread.join(10)

    def event(self, event: EngineEvent) -> None:
        """Begin to show the apps with the first real change; keep what Pulumi calls an error."""
        diagnostic = event.diagnostic_event
        if diagnostic is not None and diagnostic.severity == "error":
            text = _MARKUP.sub("", diagnostic.message).strip().removeprefix("error: ")
            # The last one only says that something failed.
            if text and text != "update failed":
                name = f"{diagnostic.urn.rsplit('::', 1)[-1]}: " if diagnostic.urn else ""
                self.errors.append(f"{name}{text}")
        step = event.resource_pre_event
        if step is not None and step.metadata.op.value in _CHANGING:
            self._working.set()

    def _watch(self) -> None:
        self._working.wait()
        if self._ended.is_set():
            return
        for cluster in self._clusters:
            try:
                lost = watch(self._stack, cluster, lambda _: self._ended.is_set(), self._timeout)
            except OpsError:
                continue
            if lost is not None and not self._ended.is_set():
                self.lost = lost
                self._command.stop()
