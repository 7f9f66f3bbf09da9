"""Following the rollout of one app by the cluster's own events, and ending early when it is hopeless."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from ops.diagnose import PodTrouble, details, refusals, troubles
from ops.errors import OpsError
from ops.kube import Key, entries, section
from ops.live import selector
from ops.releases import smoke
from ops.releases.events import Event, watching
from ops.releases.live import has_image, is_current, is_done

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from ops.kube import Kubectl, Manifest
    from ops.releases.target import Target
    from ops.render.result import App

PATIENCE_S = 20.0
"""How long a new pod may be without hope. Its image is in the registry and its configuration is that of the old pods:
less can mend itself than on a first `up`."""
LOST_ENDS = 2
"""A new pod whose container ended this often is not going to come up."""
_POLL_S = 0.5


@dataclass(frozen=True)
class Failure:
    """Why a rollout did not come to its end."""

    summary: str
    lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join((self.summary, *self.lines))


class _Checked(NamedTuple):
    """The result of a smoke check of a pod; `unreachable` says why the pod could not be asked."""

    part: str
    pod: Manifest
    problem: str | None = None
    unreachable: str | None = None


class Rollout:
    """The rollout of an app; with `smoke_check` the first pod that is ready has to pass the smoke check."""

    def __init__(self, kubectl: Kubectl, target: Target, *, smoke_check: bool) -> None:
        self.target = target
        self.unreachable: list[str] = []
        self._kubectl, self._parts = kubectl, target.keys()
        # The parts whose smoke check is still to come, to begin with: all that have one.
        self._unchecked = {part.name for part in target.parts if part.smoke} if smoke_check else set[str]()
        self._asked: set[str] = set()
        self._queue: queue.SimpleQueue[Event | _Checked] = queue.SimpleQueue()
        self._workloads: dict[Key, Manifest] = {}
        self._pods: dict[Key, Manifest] = {}
        self._noted: dict[str, tuple[int, int]] = {}
        # Since when a pod is without hope, or a Deployment's pods are refused.
        self._since: dict[Key, float] = {}

    def watching(self) -> AbstractContextManager[None]:
        """Collect the cluster's events; begin before the app is changed, so that nothing is missed."""
        wanted = quote(selector(self.target.stack.name), safe="")
        paths = [
            f"/{api}?labelSelector={wanted}"
            for namespace in sorted({part.namespace for part in self.target.parts})
            for api in (f"apis/apps/v1/namespaces/{namespace}/deployments", f"api/v1/namespaces/{namespace}/pods")
        ]
        return watching(self._kubectl, paths, self._queue.put)

    def wait(self, timeout: float, stopped: Callable[[], bool] = lambda: False) -> Failure | None:
        """Follow the rollout to its end; returns why it failed, or None when every part is ready and the first new pod
        of each passed its smoke check. `stopped`, asked again and again, ends the wait without a result."""
        end = time.monotonic() + timeout
        while not stopped():
            failure = self._next()
            if failure is not None:
                return failure
            if self._is_over():
                return None
            if time.monotonic() >= end:
                return self._failure(f"not ready after {timeout:.0f} s")
        return None

    def _is_over(self) -> bool:
        return not self._unchecked and all(
            (live := self._updated(key, part)) and is_done(live) for key, part in self._parts.items()
        )

    def _updated(self, key: Key, part: App) -> Manifest | None:
        """A part's Deployment, once it has the new image."""
        live = self._workloads.get(key)
        return live if live and has_image(live, part.image) else None

    def _next(self) -> Failure | None:
        try:
            event = self._queue.get(timeout=_POLL_S)
        except queue.Empty:
            return self._lost()
        if isinstance(event, _Checked):
            return self._checked(event)
        key = Key.of(event.item)
        known = self._pods if key.kind == "Pod" else self._workloads
        if event.deleted:
            known.pop(key, None)
        else:
            known[key] = event.item
        for key, part in self._parts.items():
            self._note(key, part)
            self._ask_first(part)
        return self._lost()

    def _note(self, key: Key, part: App) -> None:
        live = self._updated(key, part)
        if live is None:
            return
        ready, wanted = sum(map(_is_ready, self._new_pods(part))), int(section(live, "spec").get("replicas", 1))
        if self._noted.get(part.name) != (ready, wanted):
            self.target.stack.progress.note(f"{part.name}: {ready} of {wanted} pods of {self.target.tag} ready")
        self._noted[part.name] = ready, wanted

    def _new_pods(self, part: App) -> list[Manifest]:
        pods = [pod for key, pod in self._pods.items() if key.namespace == part.namespace]
        return [pod for pod in pods if has_image(pod, part.image) and not pod["metadata"].get("deletionTimestamp")]

    def _ask_first(self, part: App) -> None:
        """The first pod of a part that is ready is asked at once, while the others are still replaced."""
        if part.name not in self._unchecked or part.name in self._asked:
            return
        ready = next((pod for pod in self._new_pods(part) if _is_ready(pod)), None)
        if ready is not None:
            self._asked.add(part.name)
            threading.Thread(target=self._ask, args=(part, ready), daemon=True).start()

    def _ask(self, part: App, pod: Manifest) -> None:
        assert part.smoke is not None  # noqa: S101 - only such parts are asked
        metadata = pod["metadata"]
        try:
            port = self.target.container_port(part)
            problem = smoke.check_pod(self._kubectl, metadata["namespace"], metadata["name"], port, part.smoke)
        except (OpsError, OSError) as error:
            self._queue.put(_Checked(part.name, pod, unreachable=str(error)))
        else:
            self._queue.put(_Checked(part.name, pod, problem))

    def _checked(self, result: _Checked) -> Failure | None:
        if result.unreachable:
            # That pods cannot be reached from here says nothing about them: the app's address decides.
            self.unreachable.append(result.unreachable)
        if result.problem is None:
            self._unchecked.discard(result.part)
            return None
        metadata = result.pod["metadata"]
        container = entries(result.pod, "spec", "containers")[0]["name"]
        trouble = PodTrouble(metadata["namespace"], metadata["name"], "SmokeCheck", result.problem, container)
        return Failure(f"smoke check: {result.problem}", tuple(details(self._kubectl, trouble)[1:]))

    def _lost(self) -> Failure | None:
        """Why waiting is in vain, or None."""
        hopeless: dict[Key, str] = {}
        for key, part in self._parts.items():
            for trouble in troubles(self._new_pods(part)):
                if trouble.ended >= LOST_ENDS:
                    return self._failure(f"{part.name} does not start")
                if trouble.hopeless or trouble.restarted:
                    hopeless[Key("", "Pod", trouble.namespace, trouble.pod)] = f"{part.name} does not start"
            live = self._updated(key, part)
            if live is not None and _is_too_late(live):
                return self._failure(f"{part.name} makes no progress")
            # A quota, or an admission.
            for refused in refusals([live] if live else []):
                hopeless[key] = f"{part.name}: no pod can be made: {refused.message}"
        now = time.monotonic()
        self._since = {key: self._since.get(key, now) for key in hopeless}
        lost = [key for key in hopeless if now - self._since[key] >= PATIENCE_S]
        if not lost:
            return None
        said = hopeless[lost[0]]
        return self._failure(said) if lost[0].kind == "Pod" else Failure(said)

    def _failure(self, summary: str) -> Failure:
        found = [trouble for part in self.target.parts for trouble in troubles(self._new_pods(part))]
        lines = [line for trouble in found for line in details(self._kubectl, trouble)]
        return Failure(f"{summary}: {found[0].reason}" if found else summary, tuple(lines))


def _is_ready(pod: Manifest) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in entries(pod, "status", "conditions"))


def _is_too_late(workload: Manifest) -> bool:
    """Whether Kubernetes' own deadline is over."""
    reasons = {c["type"]: c.get("reason") for c in entries(workload, "status", "conditions")}
    return reasons.get("Progressing") == "ProgressDeadlineExceeded" and is_current(workload)
