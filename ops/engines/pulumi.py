"""Pulumi's own engine, through its Automation API."""

from __future__ import annotations

import re
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self, cast

from pulumi.automation.errors import CommandError, ConcurrentUpdateError

from ops.access import LOCAL_KINDS
from ops.diagnose import explain
from ops.drift import strays
from ops.drift.report import Drift, Recovery
from ops.engines import leftovers, ownership, state
from ops.engines.base import Change, Outcome, Preview
from ops.engines.events import Findings, Steps
from ops.engines.lock import file_locks, free_lease
from ops.engines.protection import in_plan, on_clusters, resource_name
from ops.engines.removal import Removal
from ops.engines.session import CHANGING, changed, open_stack, told
from ops.engines.watch import watch
from ops.errors import EngineError, OpsError
from ops.images import ensure_images
from ops.releases.live import look
from ops.releases.notes import tell_behind
from ops.status import all_ready, collect

if TYPE_CHECKING:
    from pathlib import Path

    from pulumi.automation.events import EngineEvent

    from ops.diagnose import PodTrouble
    from ops.engines.base import EngineName
    from ops.engines.command import StoppableCommand
    from ops.engines.session import Session
    from ops.kube import Kubectl
    from ops.stack import Stack

# Colours in the engine's messages.
_MARKUP = re.compile(r"<\{%.*?%\}>")


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
            tell_behind(stack, cluster, look(kubectl, stack.name))
        with open_stack(self._cli, stack) as session:
            events = Steps()
            session.stack.preview(on_event=events, color="never", refresh=_refreshes(stack), suppress_progress=True)
        changes = events.changes(stack)
        for kubectl in stack.reachable().values():
            changes += strays.changes(stack, kubectl, {(change.cluster, change.name) for change in changes})
        return Preview(self.name, changes)

    def up(self, stack: Stack, timeout: float) -> Outcome:
        """Run the program; wait until everything is ready."""
        clusters = stack.reachable()
        with file_locks(stack.name, list(clusters.values()), "up"):
            stack.refuse_changed()
            for cluster, kubectl in clusters.items():
                ownership.check(self.name, stack.name, kubectl, stack.namespaces(cluster))
                tell_behind(stack, cluster, look(kubectl, stack.name))
                # Only a release takes one with this engine: of one that was killed it is freed, a live one is refused.
                free_lease(kubectl, stack.name, force=False)
            for cluster in clusters:
                ensure_images(stack, cluster)
            with open_stack(self._cli, stack) as session:
                session.settle()
                for kubectl in clusters.values():
                    strays.take_out(stack, kubectl)
                with _Watcher(stack, list(clusters), session.command, timeout) as watcher:
                    try:
                        result = session.stack.up(color="never", refresh=_refreshes(stack), on_event=watcher.event)
                    except CommandError as error:
                        if isinstance(error, ConcurrentUpdateError):
                            raise
                        said = "\n".join(watcher.errors) or told(error)
                        raise EngineError(_failed(stack, clusters, said, watcher.lost)) from None
            swept = [strays.sweep(stack, kubectl) for kubectl in clusters.values()]
        self._settle(stack, clusters, timeout)
        return Outcome(self.name, changed(result.summary) or any(swept))

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
            destroyed, kept = self._destroy(stack)
            # What a killed run had made before it could write its state down carries the label all the same.
            swept = [removal.run(timeout) for removal in removals]
            for removal in removals:
                removal.prove()
        with stack.progress.step("look whether a cloud still has something"):
            left = leftovers.search(stack, kept)
        if left.found:
            raise EngineError(
                f"stack {stack.name}: still there after the removal, by their tags:\n"
                + "\n".join(f"  {name}" for name in left.found)
                + "\nremove them, or run the same command again"
            )
        return Outcome(self.name, destroyed or any(swept), tuple(kept), tuple(left.unasked))

    def drift(self, stack: Stack) -> Drift:
        """What differs: a refresh against the state, the program against the state, and each cluster's strays."""
        clusters = stack.reachable()
        with file_locks(stack.name, list(clusters.values()), "drift"):
            for kubectl in clusters.values():
                ownership.check(self.name, stack.name, kubectl, [])
            with open_stack(self._cli, stack, create=False) as session:
                if session.opened is None:
                    found, known = Drift(self.name, pending=_everything(stack)), set[str]()
                else:
                    session.free()
                    found, known = self._compare(stack, session)
            for cluster, kubectl in clusters.items():
                strays.report(stack, kubectl, known, found)
                if stack.rendered.unresolved.get(cluster):
                    found.unasked.append(f"fields added by hand on {cluster}: its manifests need a cloud's answers")
        for cluster in stack.rendered.clusters.keys() - clusters.keys():
            found.unasked.append(
                f"cluster {cluster} about objects that are not in the state: only Pulumi's provider reaches it"
            )
        return found

    def _compare(self, stack: Stack, session: Session) -> tuple[Drift, set[str]]:
        findings, steps = Findings(), Steps()
        deployment = session.deployment()
        with stack.progress.step("compare the state with what is there"):
            session.stack.preview_refresh(on_event=findings, color="never", suppress_progress=True)
        with stack.progress.step("compare the program with the state"):
            session.stack.preview(on_event=steps, color="never", suppress_progress=True)
        open_operations = [
            f"{operation.name} was {operation.operation} when a run died" for operation in state.pending(deployment)
        ]
        found = Drift(self.name, findings.differences(stack), steps.changes(stack), open_operations)
        return found, {state.name_of(entry) for entry in state.resources(deployment)}

    def refresh(self, stack: Stack) -> Outcome:
        """Write into the state what is there."""
        clusters = stack.reachable()
        with file_locks(stack.name, list(clusters.values()), "refresh"):
            for kubectl in clusters.values():
                ownership.check(self.name, stack.name, kubectl, [])
            with open_stack(self._cli, stack, create=False) as session:
                if session.opened is None:
                    return Outcome(self.name, changed=False)
                session.settle()
                with stack.progress.step("pulumi refresh"):
                    result = session.stack.refresh(color="never", suppress_progress=True)
        return Outcome(self.name, changed(result.summary))

    def recover(self, stack: Stack, *, force: bool) -> Recovery:
        """Free the locks of a run that died, and settle the operations that it left open."""
        clusters = stack.reachable()
        found = Recovery(self.name)
        with ExitStack() as held:
            if not force:
                held.enter_context(file_locks(stack.name, list(clusters.values()), "recover"))
            for kubectl in clusters.values():
                ownership.check(self.name, stack.name, kubectl, [])
            freed = [free_lease(kubectl, stack.name, force=force) for kubectl in clusters.values()]
            found.done.extend(said for said in freed if said)
            with open_stack(self._cli, stack, create=False) as session:
                if session.opened is not None:
                    session.recover(found, force=force)
        return found

    def protected(self, stack: Stack) -> list[str]:
        """What is protected in the plan or in the state, and what the clusters hold of a durable stack."""
        with open_stack(self._cli, stack, create=False) as session:
            written = [f"{state.name_of(entry)}: protected by the program" for entry in _guarded(session)]
        return sorted({*in_plan(stack), *on_clusters(stack), *written})

    def _destroy(self, stack: Stack) -> tuple[bool, list[str]]:
        """Destroy; returns whether anything was, and what stays because a cloud's resource is protected."""
        with open_stack(self._cli, stack, create=False) as session:
            if session.opened is None:
                return False, []
            session.settle()
            guarded = _guarded(session)
            # Whoever calls this has agreed to lose the data on the clusters; what a cloud protects goes in two steps.
            session.unprotect({entry["urn"] for entry in guarded if state.is_kubernetes(entry)})
            kept = [entry for entry in guarded if not state.is_kubernetes(entry)]
            ours = session.place.own_state is not None or stack.is_environment
            with stack.progress.step("pulumi destroy"):
                result = session.stack.destroy(
                    color="never",
                    remove=ours and not kept,
                    exclude_protected=bool(kept) or None,
                    suppress_progress=True,
                )
        return changed(result.summary), sorted(f"{state.name_of(entry)} ({entry.get('id')})" for entry in kept)


def _guarded(session: Session) -> list[dict[str, Any]]:
    return state.protected(session.deployment())


def _everything(stack: Stack) -> list[Change]:
    """Every resource of a stack that is in no state yet."""
    clusters = {cluster.provider: cluster.name for cluster in stack.rendered.clusters.values()}
    return [
        Change(
            "create",
            clusters.get(str(entry["provider"])),
            resource_name(str(entry["type"]), str(entry["name"]), entry["inputs"]),
        )
        for entry in cast("list[dict[str, Any]]", stack.rendered.plan["resources"])
        if entry["custom"] and not str(entry["type"]).startswith("pulumi:")
    ]


def _refreshes(stack: Stack) -> bool:
    """Whether the real state is asked first: seconds on a cluster, but minutes in a cloud."""
    return all(cluster.kind in LOCAL_KINDS for cluster in stack.rendered.clusters.values())


def _failed(stack: Stack, clusters: dict[str, Kubectl], told: str, lost: PodTrouble | None) -> str:
    reasons = [explain(kubectl, stack.name, stack.apps(name)) for name, kubectl in clusters.items()]
    text = "\n".join(reason for reason in reasons if reason)
    why = f"pod {lost.namespace}/{lost.pod} cannot start ({lost.reason})" if lost else told
    return (
        f"stack {stack.name}: the update failed: {why}\n{text}\n"
        "Pulumi does not roll back; pods of the revision before keep serving. Correct the setting and run `up` again"
    )


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
        if step is not None and step.metadata.op.value in CHANGING:
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
