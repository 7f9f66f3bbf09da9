"""A stack as the commands see it: its render and kubectl for each of its clusters."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ops import tools
from ops.access import LOCAL_KINDS, kubectl
from ops.errors import BusyError, RefusedError
from ops.kube import Access, Key, Kubectl, entries, labels_of
from ops.live import LIFECYCLE_LABEL
from ops.project import project_dir
from stacks.stack_file import stack_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.progress import Progress
    from ops.kube import Manifest
    from ops.render import App, Cluster, Rendered

_WITH_PODS = ("Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob")


@dataclass
class Stack:
    """A rendered stack; `read` is its stack file's digest when it was rendered, None where no file is behind it."""

    name: str
    directory: Path
    rendered: Rendered
    progress: Progress
    read: str | None = None
    _kubectl: dict[str, Kubectl] = field(default_factory=dict[str, Kubectl])

    def kubectl(self, cluster: str) -> Kubectl:
        """kubectl of one cluster, made at first use; a cloud's kubeconfig is asked of Pulumi's state. RefusedError
        if it has none or no CLI is there to ask, UnreachableError if the embedded one was never started."""
        if cluster not in self._kubectl:
            found = self.rendered.clusters[cluster]
            if found.kind in LOCAL_KINDS:
                self._kubectl[cluster] = kubectl(found, self.progress)
            else:
                from ops.pulumi.kubeconfigs import of_clouds

                program = tools.find("kubectl", self.progress)
                for name, file in of_clouds(self).items():
                    self._kubectl[name] = Kubectl(program, name, Access(file, None))
                if cluster not in self._kubectl:
                    raise RefusedError(
                        f"cluster {cluster} of stack {self.name} has not been made yet: slipway up --stack {self.name}"
                    )
        return self._kubectl[cluster]

    def clusters(self) -> dict[str, Kubectl]:
        """kubectl of every cluster by name."""
        return {name: self.kubectl(name) for name in self.rendered.clusters}

    def reachable(self) -> dict[str, Kubectl]:
        """kubectl of the clusters that are there before the program runs: all but those of a cloud."""
        return {n: self.kubectl(n) for n, cluster in self.rendered.clusters.items() if cluster.kind in LOCAL_KINDS}

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
        if self.read is not None and self.read != _digest(file):
            raise BusyError(
                f"stack {self.name}: {file.name} was changed while this run waited for its turn; nothing was done with "
                "what it said before, run this again"
            )

    def apps(self, cluster: str) -> list[App]:
        """The apps on one cluster."""
        return [app for app in self.rendered.apps if app.cluster == cluster]

    def cluster(self, name: str) -> Cluster:
        return self.rendered.clusters[name]

    def manifests(self, cluster: str) -> list[Manifest]:
        """All objects of a cluster but Secrets with generated values, namespaces first."""
        everything = [item for items in self.rendered.manifests[cluster].values() for item in items]
        return sorted(everything, key=lambda item: item["kind"] != "Namespace")

    def keys(self) -> set[Key]:
        """Keys of every object that the stack makes, whatever the cluster."""
        return {key for cluster in self.rendered.manifests for key in self.wanted(cluster)}

    def wanted(self, cluster: str) -> dict[Key, Manifest]:
        """Every object that the stack makes on a cluster; what Secrets with generated values hold is references."""
        secrets = [secret.manifest for secret in self.rendered.secrets.get(cluster, [])]
        return {Key.of(item): item for item in (*self.manifests(cluster), *secrets)}

    def namespaces(self, cluster: str) -> list[str]:
        """Names of the namespaces that the stack makes on a cluster."""
        return [item["metadata"]["name"] for item in self.manifests(cluster) if item["kind"] == "Namespace"]

    @property
    def durable(self) -> bool:
        """Whether the settings ask for a stack that must survive a mistaken removal."""
        wanted = [item for name in self.rendered.manifests for item in self.manifests(name)]
        return any(labels_of(item).get(LIFECYCLE_LABEL) == "durable" for item in wanted)


def load(name: str, progress: Progress) -> Stack:
    """Render a stack; raises SettingsError where its settings are wrong."""
    from ops.render import render

    directory = project_dir()
    if not stack_file(directory, name).is_file():
        from ops.environments.files import restore

        # An environment that was made elsewhere: Pulumi's backend has its settings.
        restore(directory, name, progress)
    read = _digest(stack_file(directory, name))
    return Stack(name, directory, render(name, directory), progress, read)


def _digest(file: Path) -> str:
    """Digest of a file; of nothing where there is none."""
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
