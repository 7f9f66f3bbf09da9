"""Following the rollout of one app by the cluster's own events, and ending early when it is hopeless."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import quote

from ops.diagnose import PodTrouble, details, troubles
from ops.errors import OpsError
from ops.kube import Key, entries, section
from ops.live import selector
from ops.releases import smoke
from ops.releases.events import Event, Events
from ops.releases.live import has_image, is_done

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """The rollout of an app; make it before the app is changed, so that nothing is missed. A context manager."""

    def __init__(self, kubectl: Kubectl, target: Target, *, smoke_check: bool) -> None:
        """Nothing happens yet; with `smoke_check` the first pod that is ready has to pass the smoke check."""
        self._kubectl, self._target = kubectl, target
        self._parts = target.keys()
        # The parts whose smoke check is still to come, to begin with: all that have one.
        self._unchecked = {part.name for part in target.parts if part.smoke} if smoke_check else set[str]()
        self._asked: set[str] = set()
        self.unreachable: list[str] = []
        wanted = quote(selector(target.stack.name), safe="")
        paths: list[str] = []
        for namespace in sorted({part.namespace for part in target.parts}):
            paths.append(f"/apis/apps/v1/namespaces/{namespace}/deployments?labelSelector={wanted}")
            paths.append(f"/api/v1/namespaces/{namespace}/pods?labelSelector={wanted}")
        self._queue: queue.SimpleQueue[Event | _Checked] = queue.SimpleQueue()
        self._events = Events(kubectl, paths, self._queue)
        self._workloads: dict[Key, Manifest] = {}
        self._pods: dict[Key, Manifest] = {}
        self._told: dict[str, tuple[int, int]] = {}
        # Since when a pod is without hope, and since when a Deployment's pods are refused.
        self._lost_since: dict[Key, float] = {}

    def __enter__(self) -> Self:
        self._events.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self._events.__exit__(*details)

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
        live = self._workloads
        return not self._unchecked and all(
            key in live and has_image(live[key], part.image) and is_done(live[key]) for key, part in self._parts.items()
        )

    def _next(self) -> Failure | None:
        try:
            event = self._queue.get(timeout=_POLL_S)
        except queue.Empty:
            return self._lost()
        if isinstance(event, _Checked):
            return self._checked(event)
        key = Key.of(event.item)
        known = self._pods if key.kind == "Pod" else self._workloads
        if event.gone:
            known.pop(key, None)
        else:
            known[key] = event.item
        self._tell()
        self._ask_pods()
        return self._lost()

    def _tell(self) -> None:
        for key, part in self._parts.items():
            live = self._workloads.get(key)
            if live is None or not has_image(live, part.image):
                continue
            ready = sum(_is_ready(pod) for pod in self._new_pods(part))
            state = (ready, int(section(live, "spec").get("replicas", 1)))
            if self._told.get(part.name) != state:
                self._target.stack.progress.note(f"{part.name}: {ready} of {state[1]} pods of {self._target.tag} ready")
            self._told[part.name] = state

    def _new_pods(self, part: App) -> list[Manifest]:
        pods = [pod for key, pod in self._pods.items() if key.namespace == part.namespace]
        return [pod for pod in pods if has_image(pod, part.image) and not pod["metadata"].get("deletionTimestamp")]

    def _ask_pods(self) -> None:
        """The first pod of a part that is ready is asked at once, while the others are still replaced."""
        for part in self._target.parts:
            if part.name not in self._unchecked or part.name in self._asked:
                continue
            ready = next((pod for pod in self._new_pods(part) if _is_ready(pod)), None)
            if ready is not None:
                self._asked.add(part.name)
                threading.Thread(target=self._ask, args=(part, ready), daemon=True).start()

    def _ask(self, part: App, pod: Manifest) -> None:
        assert part.smoke is not None  # noqa: S101 - only such parts are asked
        metadata = pod["metadata"]
        try:
            port = self._target.container_port(part)
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
        now = time.monotonic()
        hopeless: set[Key] = set()
        for part in self._target.parts:
            for trouble in troubles(self._new_pods(part)):
                key = Key("", "Pod", trouble.namespace, trouble.pod)
                if trouble.ended >= LOST_ENDS:
                    return self._failure(f"{part.name} does not start")
                if trouble.hopeless or trouble.restarted:
                    hopeless.add(key)
                    if now - self._lost_since.setdefault(key, now) >= PATIENCE_S:
                        return self._failure(f"{part.name} does not start")
        for key in [key for key in self._lost_since if key.kind == "Pod" and key not in hopeless]:
            del self._lost_since[key]
        return self._refused(now)

    def _refused(self, now: float) -> Failure | None:
        """Pods that are not even made (a quota, an admission), and Kubernetes' own deadline."""
        for key, part in self._parts.items():
            live = self._workloads.get(key)
            if live is None or not has_image(live, part.image):
                continue
            conditions = {str(c["type"]): c for c in entries(live, "status", "conditions")}
            if conditions.get("Progressing", {}).get("reason") == "ProgressDeadlineExceeded" and _is_current(live):
                return self._failure(f"{part.name} makes no progress")
            refused = conditions.get("ReplicaFailure", {})
            if refused.get("status") != "True":
                self._lost_since.pop(key, None)
            elif now - self._lost_since.setdefault(key, now) >= PATIENCE_S:
                return Failure(f"{part.name}: no pod can be made: {refused.get('message', refused.get('reason'))}")
        return None

    def _failure(self, summary: str) -> Failure:
        found = [trouble for part in self._target.parts for trouble in troubles(self._new_pods(part))]
        lines = [line for trouble in found for line in details(self._kubectl, trouble)]
        said = f"{summary}: {found[0].reason}" if found else summary
        return Failure(said, tuple(lines))


def _is_ready(pod: Manifest) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in entries(pod, "status", "conditions"))


def _is_current(workload: Manifest) -> bool:
    return section(workload, "status").get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
