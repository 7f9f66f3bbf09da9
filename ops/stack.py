"""A stack as the commands see it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ops.errors import BusyError
from ops.kube import Key, entries, labels_of
from ops.live import LIFECYCLE_LABEL
from stacks.stack_file import stack_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.progress import Progress
    from ops.kube import Manifest
    from ops.render.result import App, Cluster, Rendered

_WITH_PODS = ("Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob")


@dataclass(frozen=True)
class Stack:
    """A rendered stack; `read` is its stack file's digest when it was rendered, None where no file is behind it."""

    name: str
    directory: Path
    rendered: Rendered
    progress: Progress
    read: str | None = None

    @property
    def program(self) -> Path:
        """Directory of the program: uv, which Pulumi asks, needs the lock there; a directory of settings has none."""
        return self.directory if (self.directory / "uv.lock").is_file() else Path(__file__).resolve().parents[1]

    @property
    def is_environment(self) -> bool:
        """Whether `slipway env` made it: the project has no file of it."""
        return not (self.directory / f"Pulumi.{self.name}.yaml").is_file()

    def refuse_changed(self) -> None:
        """Raises BusyError if the stack file was changed since it was rendered: whoever held the lock before may have
        written into it, as a release does. The file lock must be held."""
        file = stack_file(self.directory, self.name)
        if self.read is not None and self.read != digest(file):
            raise BusyError(
                f"stack {self.name}: {file.name} was changed while this run waited for its turn; nothing was done with "
                "what it said before, run this again"
            )

    def apps(self, cluster: str) -> list[App]:
        return [app for app in self.rendered.apps if app.cluster == cluster]

    def cluster(self, name: str) -> Cluster:
        return self.rendered.clusters[name]

    def manifests(self, cluster: str) -> list[Manifest]:
        """All objects of a cluster but Secrets with generated values, namespaces first."""
        everything = [item for items in self.rendered.manifests[cluster].values() for item in items]
        return sorted(everything, key=lambda item: item["kind"] != "Namespace")

    def keys(self) -> set[Key]:
        return {key for cluster in self.rendered.manifests for key in self.wanted(cluster)}

    def wanted(self, cluster: str) -> dict[Key, Manifest]:
        """Every object that the stack makes on a cluster; what Secrets with generated values hold is references."""
        secrets = [secret.manifest for secret in self.rendered.secrets.get(cluster, [])]
        return {Key.of(item): item for item in (*self.manifests(cluster), *secrets)}

    def namespaces(self, cluster: str) -> list[str]:
        return [item["metadata"]["name"] for item in self.manifests(cluster) if item["kind"] == "Namespace"]

    @property
    def durable(self) -> bool:
        """Whether the settings ask for a stack that must survive a mistaken removal."""
        wanted = [item for name in self.rendered.manifests for item in self.manifests(name)]
        return any(labels_of(item).get(LIFECYCLE_LABEL) == "durable" for item in wanted)


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes() if file.is_file() else b"").hexdigest()


def containers(manifests: list[Manifest]) -> Iterator[Manifest]:
    """Every container, init containers included, of the pods that the manifests make."""
    for manifest in manifests:
        path = {"Pod": ("spec",), "CronJob": ("spec", "jobTemplate", "spec", "template", "spec")}
        pod = path.get(manifest["kind"], ("spec", "template", "spec"))
        # Other kinds have no such path; what they have under `spec` may be of any shape.
        if manifest["kind"] in _WITH_PODS:
            yield from entries(manifest, *pod, "initContainers")
            yield from entries(manifest, *pod, "containers")
