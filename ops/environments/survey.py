"""Every environment of the project, and how many of its apps are ready."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ops import access
from ops.environments import names
from ops.environments.known import AT_ONCE
from ops.errors import OpsError
from ops.kube import labels_of
from ops.live import STACK_LABEL
from ops.status import counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.progress import Progress
    from ops.environments.known import Known, Made, Tags
    from ops.render.result import Cluster

_WORKLOADS = "deployments.apps,statefulsets.apps,daemonsets.apps"


@dataclass(frozen=True)
class Environment:
    """`complete`: an `up` of it ended well. `ready` counts its apps; None where a cluster of it does not answer."""

    tags: Tags
    made: Made
    complete: bool
    ready: int | None

    def as_dict(self) -> dict[str, Any]:
        """The entry of `slipway env list --json`."""
        tags, now = self.tags, names.now()
        durable = self.made.durable
        return {
            "name": tags.name,
            "template": tags.template,
            "owner": tags.owner,
            "state": "ready" if self.complete else "creating",
            "lifecycle": "durable" if durable else "ephemeral",
            "created": names.written(tags.created),
            "expires": None if durable else names.written(tags.expires),
            "ageSeconds": int((now - tags.created).total_seconds()),
            "leftSeconds": None if durable else int((tags.expires - now).total_seconds()),
            "expired": tags.expired and not durable,
            "clusters": {name: cluster.context for name, cluster in self.made.clusters.items()},
            "ready": self.ready,
            "apps": self.made.apps,
        }


@dataclass(frozen=True)
class Survey:
    """What there is; `silent` has the clusters that do not answer, and why."""

    environments: list[Environment]
    silent: dict[str, str]
    broken: list[str]


def survey(known: Known, progress: Progress) -> Survey:
    """Ask Pulumi's backend for the environments (OpsError without an answer), and their clusters for what is ready."""
    everyone, broken = known.everyone()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        looks = [(pool.submit(known.made, tags.name), pool.submit(known.was_up, tags.name)) for tags in everyone]
        parts = [(tags, made.result(), up.result()) for tags, (made, up) in zip(everyone, looks, strict=True)]
    ready, silent = _ready([(tags.name, made.clusters) for tags, made, _ in parts], progress)
    return Survey([Environment(tags, made, up, ready[tags.name]) for tags, made, up in parts], silent, broken)


def _ready(
    wanted: Sequence[tuple[str, dict[str, Cluster]]], progress: Progress
) -> tuple[dict[str, int | None], dict[str, str]]:
    """Environment to number of its workloads that are ready, and the clusters that do not answer; each asked once."""
    silent: dict[str, str] = {}
    ready: dict[str, int | None] = {name: 0 for name, _ in wanted}
    asked: dict[tuple[str | None, str | None], tuple[Cluster, list[str]]] = {}
    for name, clusters in wanted:
        for cluster in clusters.values():
            asked.setdefault((cluster.kubeconfig, cluster.context), (cluster, []))[1].append(name)
    for cluster, here in asked.values():
        try:
            kubectl = access.kubectl(cluster, progress)
            items = kubectl.get([_WORKLOADS, "-A", "-l", f"{STACK_LABEL} in ({','.join(sorted(set(here)))})"])
        except OpsError as error:
            silent[cluster.name] = str(error)
            ready |= dict.fromkeys(here)
            continue
        for item in items:
            name, (up, goal) = labels_of(item)[STACK_LABEL], counts(item["kind"], item)
            ready[name] = None if ready[name] is None else (ready[name] or 0) + (goal > 0 and up >= goal)
    return ready, silent
