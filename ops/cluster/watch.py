"""Watching a rollout: progress for people, and an early end when waiting cannot help any more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from rich.live import Live
from rich.table import Table

from ops.cluster.stateful import free_stateful_sets
from ops.diagnose import refusals, troubles
from ops.errors import OpsError
from ops.live import labelled
from ops.output import errors
from ops.status import TYPES, listed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.diagnose import PodTrouble
    from ops.kube import Kubectl
    from ops.stack import Stack
    from ops.status import AppStatus

_POLL_S = 2.0
_SUMMARY_S = 10.0
"""How often a run that is watched by no terminal says how far it is."""
_LINES_LEFT = 4
IMAGE_PATIENCE_S = 45.0
"""How long a pod may fail to get its image or to start: registries have hiccups, and kubelet tries thrice meanwhile."""
PLACE_PATIENCE_S = 120.0
"""How long a pod may find no node with room: pods that end leave some, and a cluster may be getting another node."""


class RolloutView:
    """Shows the apps while they come up: a live table on a terminal, else a line per change."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._console = errors()
        self._live = Live(console=self._console, transient=True, auto_refresh=False)
        self._seen: dict[tuple[str, str], tuple[int, int]] = {}
        self._next = time.monotonic() + _SUMMARY_S

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, statuses: list[AppStatus], summary: str) -> None:
        """Show the state: what is not ready yet, and what the run is at."""
        now = {(s.cluster, s.name): (s.ready, s.desired) for s in statuses}
        if self._console.is_terminal:
            self._live.update(self._table(statuses, summary), refresh=True)
        else:
            if summary and time.monotonic() >= self._next:
                self._stack.progress.note(summary)
                self._next = time.monotonic() + _SUMMARY_S
            for status in statuses:
                known = self._seen.get((status.cluster, status.name))
                # An app that is ready from the beginning is no news.
                if known != now[status.cluster, status.name] and not (known is None and status.is_ready):
                    self._stack.progress.note(f"{status.name}: {status.ready} of {status.desired} ready")
        self._seen = now

    def _table(self, statuses: list[AppStatus], summary: str) -> Table:
        """What fits on the screen: the apps that are not ready yet, one line each."""
        waiting = [status for status in statuses if not status.is_ready]
        table = Table.grid(padding=(0, 2))
        table.add_row(f"{len(statuses) - len(waiting)} of {len(statuses)} apps ready", summary)
        room = max(1, self._console.height - _LINES_LEFT)
        for status in waiting[:room]:
            table.add_row(f"  {status.name}", f"{status.ready}/{status.desired}")
        if len(waiting) > room:
            table.add_row(f"  and {len(waiting) - room} more", "")
        return table


class Patience:
    """Notices pods for which waiting is in vain."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], float] = {}

    def exhausted(self, found: list[PodTrouble]) -> PodTrouble | None:
        """The pod (or what no pod can be made of) that has been without hope for too long, or None."""
        now = time.monotonic()
        hopeless = {(t.namespace, t.pod): t for t in found if t.hopeless or t.unplaced}
        self._since = {key: self._since.get(key, now) for key in hopeless}
        ended = {key: now - since for key, since in self._since.items()}
        limits = {key: PLACE_PATIENCE_S if t.unplaced else IMAGE_PATIENCE_S for key, t in hopeless.items()}
        return next((t for key, t in hopeless.items() if ended[key] >= limits[key]), None)


def watch(
    stack: Stack,
    kubectl: Kubectl,
    done: Callable[[list[AppStatus]], bool],
    timeout: float,
    summary: Callable[[], str] = str,
    pause: Callable[[float], object] = lambda seconds: time.sleep(seconds),
) -> PodTrouble | None:
    """Show the rollout of a cluster until `done`, asked with its apps, or for so many seconds; returns the pod for
    which waiting is in vain, or None. `summary` says, for people, what the watched run is at; `pause` waits for some
    seconds, or less when the end is known."""
    patience = Patience()
    end = time.monotonic() + timeout
    with RolloutView(stack) as view:
        while time.monotonic() < end:
            try:
                # One process for both: the nodes that wait for the pods may be the ones that kubectl runs on.
                live = labelled(kubectl, f"{TYPES},pods", stack.name)
                statuses = listed(stack.rendered, {kubectl.cluster: live})
                view.show(statuses, summary())
                if done(statuses):
                    return None
                pods = [item for key, item in live.items() if key.kind == "Pod"]
                found = troubles(pods)
                free_stateful_sets(kubectl, pods, found)
                found += refusals(list(live.values()))
            except OpsError:
                # One question that was not answered is no reason to give up; the engine has its own limit.
                found = []
                if done([]):
                    return None
            lost = patience.exhausted(found)
            if lost is not None:
                return lost
            pause(_POLL_S)
    return None
