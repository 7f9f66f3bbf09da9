"""Every environment on the clusters that can be reached."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ops import access
from ops.environments import record as records
from ops.environments.sites import sites
from ops.errors import OpsError, UnreachableError
from ops.kube import labels_of
from ops.live import STACK_LABEL
from ops.status import counts

if TYPE_CHECKING:
    from pathlib import Path

    from local.progress import Progress
    from ops.environments.record import Record
    from ops.environments.sites import Site
    from ops.kube import Kubectl

_WORKLOADS = "deployments.apps,statefulsets.apps,daemonsets.apps"


@dataclass(frozen=True)
class Environment:
    """An environment.

    Attributes:
        record: Its record; where it has several, the first with the clusters and namespaces of all.
        places: Its clusters by their names in its stack file; those without a record are not among them.
        apps: Number of its apps.
        ready: Number of those that are ready; None where nobody asked.
    """

    record: Record
    places: dict[str, Site]
    apps: int
    ready: int | None = None


@dataclass
class Survey:
    """What there is.

    Attributes:
        environments: The environments, by name.
        reached: The clusters that answered.
        silent: The others, and why.
        broken: What is wrong with records that are none.
    """

    environments: list[Environment] = field(default_factory=list["Environment"])
    reached: list[tuple[Site, Kubectl]] = field(default_factory=list["tuple[Site, Kubectl]"])
    silent: dict[str, str] = field(default_factory=dict[str, str])
    broken: list[str] = field(default_factory=list[str])

    def named(self, name: str) -> list[Environment]:
        """The environments of a name: more than one where the same name was given on separate clusters."""
        return [environment for environment in self.environments if environment.record.name == name]

    def kubectl(self, place: Site) -> Kubectl:
        """kubectl of a cluster that answered."""
        return next(kubectl for there, kubectl in self.reached if there.way == place.way)


def survey(directory: Path, progress: Progress, *, only: str | None = None, readiness: bool = False) -> Survey:
    """Ask every cluster of the project's stack files.

    Args:
        directory: Directory of Pulumi.yaml.
        progress: Told what had to be left out.
        only: Ask for the environment of this name only.
        readiness: Whether to count the apps that are ready, too.

    Raises:
        UnreachableError: No cluster answers.
    """
    found = Survey()
    gathered: dict[tuple[str, str], list[tuple[Site, Record, int | None]]] = {}
    for place in sites(directory, progress):
        try:
            kubectl = access.kubectl(place, progress)
            here, broken = _ask(kubectl, only)
            ready = _ready(kubectl, here) if readiness and here else {}
        except OpsError as error:
            found.silent[place.name] = str(error)
            continue
        found.reached.append((place, kubectl))
        found.broken += broken
        for record in here:
            gathered.setdefault((record.name, record.id), []).append((place, record, ready.get(record.name)))
    if not found.reached:
        reasons = "\n".join(f"  {reason}" for reason in found.silent.values())
        raise UnreachableError(f"no cluster of this project's stack files answers:\n{reasons or '  there is none'}")
    for _, parts in sorted(gathered.items()):
        found.environments.append(_joined(parts))
    return found


def _ask(kubectl: Kubectl, only: str | None) -> tuple[list[Record], list[str]]:
    if only is None:
        return records.everyone(kubectl)
    one = records.find(kubectl, only)
    return ([one] if one else []), []


def _joined(parts: list[tuple[Site, Record, int | None]]) -> Environment:
    places = {cluster: place for place, record, _ in parts for cluster in record.clusters}
    counted = [ready for _, _, ready in parts if ready is not None]
    spaces = {space for _, record, _ in parts for space in record.namespaces}
    return Environment(
        record=replace(parts[0][1], namespaces=tuple(sorted(spaces)), clusters=tuple(sorted(places))),
        places=places,
        apps=sum(record.apps for _, record, _ in parts),
        ready=sum(counted) if counted else None,
    )


def _ready(kubectl: Kubectl, here: list[Record]) -> dict[str, int]:
    """Environment to number of its workloads that are ready."""
    names = ",".join(sorted(record.name for record in here))
    ready = {record.name: 0 for record in here}
    for item in kubectl.get([_WORKLOADS, "-A", "-l", f"{STACK_LABEL} in ({names})"]):
        up, wanted = counts(item["kind"], item)
        ready[labels_of(item)[STACK_LABEL]] += wanted > 0 and up >= wanted
    return ready
