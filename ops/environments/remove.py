"""Removing environments: one by its name, or all whose time is over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from local.errors import LocalError
from ops.environments.files import file_of, forget
from ops.environments.known import AT_ONCE
from ops.environments.names import refuse_stack
from ops.environments.template import places
from ops.errors import BusyError, OpsError, RefusedError
from ops.pulumi.down import down
from ops.pulumi.lock import locked
from ops.pulumi.protection import on_clusters
from ops.render.result import Rendered
from ops.settings import settings_of
from ops.stack import Stack
from stacks.plain_yaml import load_yaml
from stacks.settings import SettingsError
from stacks.stack_file import read_stack_config

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from local.progress import Progress
    from ops.environments.known import Known, Made, Tags
    from ops.render.result import Cluster

Result = Literal["removed", "gone", "kept", "busy", "failed", "would-remove"]


@dataclass(frozen=True)
class Removed:
    """`gone`: somebody else had removed it; `kept`: it got more time; `busy`: somebody else is at it."""

    name: str
    result: Result
    why: str = ""


class Remover:
    """Removes environments, each by itself."""

    def __init__(self, known: Known, progress: Progress, timeout: float) -> None:
        self._known, self._progress, self._timeout = known, progress, timeout

    def reap(self, everyone: Iterable[Tags], *, dry_run: bool = False) -> list[Removed]:
        """Remove the environments whose time is over; one that fails does not stop the others. Returns what became of
        each, by name; one that was made durable has no end and is not among them."""
        attempt = self._would_remove if dry_run else self._attempt
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            results = list(pool.map(attempt, [tags.name for tags in everyone if tags.expired]))
        finally:
            # After Ctrl-C those that were begun are finished, and no other one is begun.
            pool.shutdown(cancel_futures=True)
        return [result for result in results if result is not None]

    def _would_remove(self, name: str) -> Removed | None:
        return None if self._known.made(name).durable else Removed(name, "would-remove")

    def _attempt(self, name: str) -> Removed | None:
        try:
            if self._known.made(name).durable:
                return None
            with self._progress.step(f"remove environment {name}"):
                return self.remove(name, only_expired=True)
        except BusyError as error:
            return Removed(name, "busy", str(error))
        except (OpsError, LocalError) as error:
            return Removed(name, "failed", str(error))

    def remove(self, name: str, *, only_expired: bool, durable: bool = False) -> Removed:
        """Remove an environment with all that it made, and prove that nothing is left. Nothing of the program is run:
        it goes by what Pulumi's state says, even when another version of the program made it. Raises BusyError,
        RefusedError if it is durable, OpsError where a step failed; the next run goes on from there."""
        known = self._known
        refuse_stack(known.directory, name)
        with locked(known.directory, name, "env delete"):
            tags = known.tags(name)
            if tags is None:
                forget(known.directory, name)
                return Removed(name, "gone", "somebody else removed it")
            if only_expired and not tags.expired:
                return Removed(name, "kept", "it got more time")
            made = known.made(name)
            clusters = made.clusters or _meant(known.directory, tags)
            stack = _stack(name, known.directory, clusters, made, self._progress)
            if not durable and (made.durable or on_clusters(stack)):
                raise RefusedError(
                    f"environment {name} has been made durable (slipway:lifecycle), so it and its data are not removed "
                    f"by mistake; to remove both for good: slipway env delete {name} --yes-remove-durable {name}"
                )
            down(known.cli, stack, self._timeout)
            forget(known.directory, name)
        return Removed(name, "removed")


def _meant(directory: Path, tags: Tags) -> dict[str, Cluster]:
    """The clusters of an environment of which the state has nothing (any more): what its file or its template says."""
    try:
        stack = tags.name if file_of(directory, tags.name).is_file() else tags.template
        return places(settings_of(read_stack_config(directory, stack)))
    except SettingsError:
        return {}


def _stack(name: str, directory: Path, clusters: dict[str, Cluster], made: Made, progress: Progress) -> Stack:
    """The stack of an environment as Pulumi's state knows it: clusters and namespaces, all that a removal needs."""
    spaces = {name: [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}] for name in made.namespaces}
    manifests = dict.fromkeys(clusters, spaces)
    project = str(load_yaml(directory / "Pulumi.yaml").get("name", "slipway"))
    rendered = Rendered(name, project, {"resources": []}, manifests, {there: [] for there in clusters}, [], clusters)
    return Stack(name, directory, rendered, progress)
