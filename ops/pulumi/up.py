"""`pulumi up` of a whole stack: what is refused before it, what is shown meanwhile, what is put right around it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from pulumi.automation.errors import CommandError, ConcurrentUpdateError

from ops.access import reachable
from ops.cluster import added, ports, volumes
from ops.cluster.orphans import Orphans, orphans, remove
from ops.cluster.ownership import check
from ops.cluster.watch import watch
from ops.diagnose import explain
from ops.errors import EngineError, OpsError
from ops.images import ensure_images, with_origins
from ops.live import inventory
from ops.pulumi import state
from ops.pulumi.answers import require_answers
from ops.pulumi.events import EventLog
from ops.pulumi.kubeconfigs import kubectl_of
from ops.pulumi.lock import locked
from ops.pulumi.protection import claims_in, refuse_loss
from ops.pulumi.results import Change, Outcome, Preview
from ops.pulumi.session import AT_ONCE, open_stack, told
from ops.releases.notes import tell_behind
from ops.status import all_ready, collect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.diagnose import PodTrouble
    from ops.kube import Kubectl
    from ops.pulumi.cli import Cli
    from ops.pulumi.command import StoppableCommand
    from ops.pulumi.session import Session
    from ops.stack import Stack
    from ops.status import AppStatus


def refreshes(stack: Stack) -> bool:
    """Whether the real state is asked first: seconds on a cluster, but minutes in a cloud."""
    return not any(cluster.by_cloud for cluster in stack.rendered.clusters.values())


def preview(cli: Cli, stack: Stack) -> Preview:
    with _Clusters(stack) as clusters:
        with open_stack(cli, stack, keep=False) as session:
            refuse_loss(stack, session, None)
            growing = clusters.growing()
            events = EventLog()
            tell_behind(stack, session)
            session.stack.preview(on_event=events, color="never", refresh=refreshes(stack), suppress_progress=True)
        changes = [_with_volumes(change, clusters.kubectl) for change in events.changes(stack)]
        known = {(change.cluster, change.name) for change in changes}
        for name, found in clusters.orphans(session).items():
            changes += found.changes(name)
        for name, growths in growing.items():
            changes += [growth.change(name) for growth in growths]
        for name, kubectl in clusters.kubectl.items():
            fields = added.added(kubectl, events.live(stack).get(name, []), stack.wanted(name))
            changes += [
                Change("update", name, str(key), added.difference(kubectl, key, paths))
                for key, paths in fields.items()
                if (name, str(key)) not in known
            ]
    return Preview(changes)


def up(
    cli: Cli, stack: Stack, timeout: float, *, message: str | None = None, yes_remove_durable: str | None = None
) -> Outcome:
    """Run the program; wait so many seconds until everything is ready. `yes_remove_durable` is the stack's name, where
    what holds its data may go. Raises OpsError, which says why."""
    with locked(stack.directory, stack.name, "up"), _Clusters(stack) as clusters:
        stack.refuse_changed()
        for cluster in clusters.kubectl:
            ensure_images(stack, cluster)
        with open_stack(cli, stack) as session:
            lost = refuse_loss(stack, session, yes_remove_durable)
            growing = clusters.growing()
            session.settle()
            session.unprotect(lost)
            tell_behind(stack, session)
            for name, kubectl in clusters.kubectl.items():
                volumes.grow(kubectl, growing[name])
                ports.move(kubectl, clusters.moves[name])
            with _Watcher(stack, clusters.kubectl, session.command, timeout) as watcher:
                _run(stack, clusters.kubectl, session, watcher, message)
            changed = watcher.events.changed or any(growing.values())
            changed |= _take_out(stack, clusters.kubectl, watcher.events)
        for name, found in clusters.orphans(session).items():
            changed |= remove(clusters.kubectl[name], found)
        statuses = _await_ready(stack, clusters.kubectl, timeout)
        require_answers(stack, [s for s in statuses if s.cluster in clusters.kubectl], watcher.events.touched(stack))
        return Outcome(changed, apps=with_origins(stack, statuses))


def _with_volumes(change: Change, clusters: Mapping[str, Kubectl]) -> Change:
    """A namespace that goes, with the volumes that go with it."""
    kind, _, namespace = change.name.partition(" ")
    if change.operation != "delete" or kind != "Namespace" or not change.cluster or change.cluster not in clusters:
        return change
    claims = claims_in(clusters[change.cluster], namespace)
    return replace(change, note=f"with its data: {', '.join(claims)}") if claims else change


def _run(
    stack: Stack, clusters: Mapping[str, Kubectl], session: Session, watcher: _Watcher, message: str | None
) -> None:
    try:
        session.stack.up(
            color="never",
            refresh=refreshes(stack),
            parallel=AT_ONCE,
            message=message,
            on_event=watcher.events,
            show_secrets=False,
        )
    except CommandError as error:
        if isinstance(error, ConcurrentUpdateError):
            raise
        said = "\n".join(watcher.events.errors) or told(error)
        raise EngineError(_failed(stack, clusters, said, watcher.lost)) from None


def _take_out(stack: Stack, clusters: Mapping[str, Kubectl], events: EventLog) -> bool:
    """Take fields that somebody added by hand out of the stack's objects; returns whether there were any."""
    live = events.live(stack)
    found = {name: added.added(kubectl, live.get(name, []), stack.wanted(name)) for name, kubectl in clusters.items()}
    for name, fields in found.items():
        added.take_out(clusters[name], fields)
    return any(found.values())


def _await_ready(stack: Stack, clusters: Mapping[str, Kubectl], timeout: float) -> tuple[AppStatus, ...]:
    """The apps; pods that are just coming up again are waited for even if Pulumi had nothing to do."""
    found: list[AppStatus] = []
    for cluster, kubectl in clusters.items():
        statuses = collect(stack.rendered, {cluster: kubectl})
        if not all_ready(statuses):
            watch(stack, kubectl, all_ready, timeout)
            statuses = collect(stack.rendered, {cluster: kubectl})
        if not all_ready(statuses):
            reasons = explain(kubectl, stack.name, stack.apps(cluster))
            raise EngineError(f"stack {stack.name} is installed as it should be, but not all is ready:\n{reasons}")
        found += statuses
    for cluster in stack.rendered.clusters.keys() - clusters.keys():
        # It may answer other networks only, or want a program for its token that is not installed here; what it runs
        # was waited for by Pulumi's provider.
        try:
            kubectl = kubectl_of(stack, [cluster])[cluster]
            claims = volumes.live(kubectl, stack)
            found += collect(stack.rendered, {cluster: kubectl})
        except OpsError as error:
            stack.progress.note(f"what runs on cluster {cluster} cannot be shown from here: {error}")
        else:
            volumes.grow(kubectl, volumes.growing(stack, cluster, kubectl, claims))
    order = {(app.cluster, app.name): place for place, app in enumerate(stack.rendered.apps)}
    return tuple(sorted(found, key=lambda status: order[status.cluster, status.name]))


class _Clusters:
    """The clusters that are there before the program runs, asked while Pulumi starts; a context manager."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.kubectl = reachable(stack)
        self.moves: dict[str, list[ports.Move]] = {}
        self._pool = ThreadPoolExecutor(max_workers=max(1, 2 * len(self.kubectl)))

    def __enter__(self) -> Self:
        """Refuse what is not the stack's, and begin to look what carries its label."""
        self._looks = {
            name: self._pool.submit(inventory, kubectl, self._stack.name) for name, kubectl in self.kubectl.items()
        }
        self._claims = {n: self._pool.submit(volumes.live, kubectl, self._stack) for n, kubectl in self.kubectl.items()}
        for cluster, kubectl in self.kubectl.items():
            check(self._stack.name, kubectl, self._stack.namespaces(cluster))
            self.moves[cluster] = ports.refuse_taken(kubectl, self._stack.manifests(cluster), self._stack.name)
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def growing(self) -> dict[str, list[volumes.Growth]]:
        """Cluster to the volume claims that become larger; raises RefusedError for a size that a volume cannot get."""
        return {
            name: volumes.growing(self._stack, name, kubectl, self._claims[name].result())
            for name, kubectl in self.kubectl.items()
        }

    def orphans(self, session: Session) -> dict[str, Orphans]:
        """Cluster to what was an orphan there before the run."""
        known = {state.name_of(entry) for entry in state.resources(session.deployment())}
        known |= {pending.name for pending in state.pending(session.deployment())}
        wanted = self._stack.keys()
        return {
            name: orphans(look.result().made(), wanted, known, durable=self._stack.durable)
            for name, look in self._looks.items()
        }


def _failed(stack: Stack, clusters: Mapping[str, Kubectl], told: str, lost: PodTrouble | None) -> str:
    reasons = [explain(kubectl, stack.name, stack.apps(name)) for name, kubectl in clusters.items()]
    text = "\n".join(reason for reason in reasons if reason)
    return (
        f"stack {stack.name}: the update failed: {lost or told}\n{text}\n"
        "Pulumi does not roll back; pods of the revision before keep serving. Correct the setting and run `up` again"
    )


class _Watcher:
    """Shows the apps while Pulumi works, and stops it when waiting is in vain."""

    def __init__(
        self, stack: Stack, clusters: Mapping[str, Kubectl], command: StoppableCommand, timeout: float
    ) -> None:
        self.lost: PodTrouble | None = None
        self._stack, self._clusters, self._command, self._timeout = stack, clusters, command, timeout
        self._ended = threading.Event()
        self._working = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.events = EventLog(self._working.set)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._working.set()
        self._thread.join(10)

    def _watch(self) -> None:
        self._working.wait()
        if self._ended.is_set():
            return
        for kubectl in self._clusters.values():
            try:
                lost = watch(
                    self._stack,
                    kubectl,
                    lambda _: self._ended.is_set(),
                    self._timeout,
                    self.events.summary,
                    self._ended.wait,
                )
            except OpsError:
                continue
            if lost is not None and not self._ended.is_set():
                self.lost = lost
                self._command.stop()
