"""Removing environments: one by its name, or all whose time is over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from local.errors import LocalError
from ops.engines.removal import remove_home
from ops.environments import record as records
from ops.environments.files import file_of, forget, keep, settings_text
from ops.environments.names import refuse_stack
from ops.environments.turn import forgotten, turn
from ops.errors import BusyError, OpsError, RefusedError
from ops.kube import labels_of
from ops.live import LIFECYCLE_LABEL, selector
from ops.render.result import Cluster, Rendered
from ops.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local.progress import Progress
    from ops.engines.base import Engine
    from ops.environments.record import Record
    from ops.environments.survey import Environment, Survey
    from ops.kube import Kubectl, Manifest

Result = Literal["removed", "gone", "kept", "busy", "failed", "would-remove"]
AT_ONCE = 3
"""Removals that go on at the same time: most of one is waiting for namespaces to end."""


@dataclass(frozen=True)
class Removed:
    """What became of an environment.

    Attributes:
        name: Its name.
        result: `removed`; `gone` (somebody else had done it); `kept` (it got more time, or was made durable); `busy`
            (somebody else is at it); `failed`; `would-remove`.
        why: The reason, where there is one.
    """

    name: str
    result: Result
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


class Remover:
    """Removes environments, each by itself."""

    def __init__(
        self, directory: Path, choose: Callable[[str | None], Engine], progress: Progress, timeout: float
    ) -> None:
        """Bind what every removal needs.

        Args:
            directory: Directory of Pulumi.yaml.
            choose: Makes the engine, given the one that the environment was made by.
            progress: Where to report.
            timeout: Seconds that each step may take.
        """
        self._directory, self._choose, self._progress, self._timeout = directory, choose, progress, timeout
        self._engines: dict[str, Engine] = {}

    def reap(self, there: Survey) -> list[Removed]:
        """Remove the environments whose time is over; one that fails does not stop the others.

        Args:
            there: What is on the clusters.

        Returns:
            What became of each, by name.
        """
        over = [environment for environment in there.environments if environment.record.expired]
        # In the main thread: one may have to be installed.
        for engine in sorted({environment.record.engine for environment in over}):
            with suppress(OpsError, LocalError):  # told for each environment that needs it
                self._engine(engine)
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            results = list(pool.map(self._attempt, over))
        finally:
            # After Ctrl-C those that were begun are finished, and no other one is begun.
            pool.shutdown(cancel_futures=True)
        for _, kubectl in there.reached:
            self._tidy(kubectl, [environment.record.name for environment in there.environments])
        return results

    def _engine(self, name: str) -> Engine:
        if name not in self._engines:
            self._engines[name] = self._choose(name)
        return self._engines[name]

    def _attempt(self, environment: Environment) -> Removed:
        name = environment.record.name
        try:
            with self._progress.step(f"remove environment {name}"):
                return self.remove(environment, only_expired=True)
        except BusyError as error:
            return Removed(name, "busy", str(error))
        except (OpsError, LocalError) as error:
            return Removed(name, "failed", str(error))

    def _tidy(self, kubectl: Kubectl, known: list[str]) -> None:
        """Take away the leases of killed runs, and our namespace if nobody needs it; a later run can do it as well."""
        try:
            for name in forgotten(kubectl, known):
                try:
                    with turn(name, [kubectl], "env reap"):
                        pass
                except BusyError:
                    continue
            remove_home(kubectl)
        except OpsError as error:
            self._progress.note(str(error))

    def remove(self, environment: Environment, *, only_expired: bool, durable: bool = False) -> Removed:
        """Remove an environment with all that it made, and prove that nothing is left.

        Nothing of the program is run: an environment goes by what its record says, even when it was made by another
        version of the program.

        Args:
            environment: The environment.
            only_expired: Leave it where it got more time meanwhile.
            durable: Whether one that was made durable is meant, too.

        Raises:
            BusyError: Somebody else is at work on it.
            RefusedError: It is durable, or its engine is not to be had.
            OpsError: A step failed; the next run goes on from there.
        """
        name = environment.record.name
        refuse_stack(self._directory, name)
        stack = _stack(environment, self._directory, self._progress)
        clusters = stack.reachable()
        with turn(name, clusters.values(), "env delete"):
            now = _again(environment, clusters)
            if now is None:
                forget(self._directory, name)
                return Removed(name, "gone", "somebody else removed it")
            if only_expired and not now.expired:
                return Removed(name, "kept", "it got more time")
            if not durable:
                self._refuse_durable(now, clusters)
            if not file_of(self._directory, name).is_file():
                keep(self._directory, name, settings_text(environment))
            self._engine(now.engine).down(stack, self._timeout)
            forget(self._directory, name)
        for kubectl in clusters.values():
            remove_home(kubectl)
        return Removed(name, "removed")

    def _refuse_durable(self, record: Record, clusters: dict[str, Kubectl]) -> None:
        marked = record.lifecycle == "durable" or any(
            labels_of(item).get(LIFECYCLE_LABEL) == "durable"
            for kubectl in clusters.values()
            for item in kubectl.get(["namespaces", "-l", selector(record.name)])
        )
        if marked:
            raise RefusedError(
                f"environment {record.name} has been made durable (slipway:lifecycle), so it and its data are not "
                f"removed by mistake; to remove both for good: slipway env delete {record.name} "
                f"--yes-remove-durable {record.name}"
            )


def _again(environment: Environment, clusters: dict[str, Kubectl]) -> Record | None:
    """The record as it is now that nobody else is at it; None where it is gone or another one's."""
    for name in environment.places:
        found = records.find(clusters[name], environment.record.name)
        if found is not None and found.id == environment.record.id:
            return found
    return None


def _stack(environment: Environment, directory: Path, progress: Progress) -> Stack:
    """The stack of an environment as its records know it: clusters and namespaces, all that a removal needs.

    Only the clusters that hold a record: it goes last, so where there is none there is nothing. No record can lead a
    removal to another cluster than its own.
    """
    record = environment.record
    clusters: dict[str, Cluster] = {}
    manifests: dict[str, dict[str, list[Manifest]]] = {}
    for name, place in sorted(environment.places.items()):
        clusters[name] = Cluster(name, place.kind, place.context, place.kubeconfig, "", "")
        manifests[name] = {
            space: [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}]
            for space in record.namespaces
        }
    rendered = Rendered(record.name, {"resources": []}, manifests, {name: [] for name in clusters}, [], clusters)
    return Stack(record.name, directory, rendered, progress)


def dry_run(there: Survey) -> list[Removed]:
    """What `reap` would do."""
    return [Removed(e.record.name, "would-remove") for e in there.environments if e.record.expired]
