"""The clusters that environments can be on: those of the project's stack files that no cloud has to make first."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.settings import CONTEXT
from stacks.settings import SettingsError, parse
from stacks.settings.clusters import EmbeddedCluster, ExistingCluster
from stacks.stack_file import ENVIRONMENTS, read_stack_config

if TYPE_CHECKING:
    from pathlib import Path

    from local.progress import Progress
    from stacks.settings import Settings
    from stacks.settings.clusters import Cluster

CONTEXT_VARIABLE = "KUBE_CONTEXT"


@dataclass(frozen=True)
class Site:
    """A cluster and how it is reached.

    Attributes:
        name: What a stack file calls it.
        kind: `embedded` or `existing`.
        context: Kubeconfig context; None for the current one.
        kubeconfig: Path of the kubeconfig; None for the usual place.
    """

    name: str
    kind: str
    context: str | None
    kubeconfig: str | None

    @property
    def way(self) -> tuple[str | None, str | None]:
        """What tells two clusters apart."""
        return self.kubeconfig, self.context

    def settings(self) -> dict[str, Any]:
        """The keys of a stack file that lead to it."""
        if self.kind == "embedded":
            return {"kind": self.kind}
        keys = {"context": self.context, "kubeconfig": self.kubeconfig}
        return {"kind": self.kind, **{key: value for key, value in keys.items() if value}}


def kube_context() -> str | None:
    """The context that takes the place of the embedded cluster, or None."""
    return os.environ.get(CONTEXT_VARIABLE) or None


def site(name: str, cluster: Cluster) -> Site | None:
    """A cluster of a stack file, or None where a cloud makes it."""
    match cluster:
        case EmbeddedCluster():
            return Site(name, cluster.kind, CONTEXT, None)
        case ExistingCluster():
            return Site(name, cluster.kind, cluster.context, cluster.kubeconfig)
        case _:
            return None


def settings_of(directory: Path, stack: str) -> Settings:
    """The settings of a stack file.

    Raises:
        SettingsError: They are wrong.
    """
    config = read_stack_config(directory, stack)
    return parse(config.values, project=config.project, source=config.source, kube_context=kube_context())


def sites(directory: Path, progress: Progress) -> list[Site]:
    """Every cluster that a stack file of the project, or of one of its environments, leads to.

    Args:
        directory: Directory of Pulumi.yaml.
        progress: Told which stack file is wrong; it is left out.
    """
    found: dict[tuple[str | None, str | None], Site] = {}
    files = [*sorted(directory.glob("Pulumi.*.yaml")), *sorted((directory / ENVIRONMENTS).glob("Pulumi.*.yaml"))]
    for file in files:
        try:
            clusters = settings_of(directory, file.name.removeprefix("Pulumi.").removesuffix(".yaml")).clusters
        except SettingsError as error:
            progress.note(f"{file.name} is left out: {len(error.problems)} of its settings are wrong")
            continue
        for name, cluster in sorted(clusters.items()):
            there = site(name, cluster)
            if there is not None:
                found.setdefault(there.way, there)
    return list(found.values())
