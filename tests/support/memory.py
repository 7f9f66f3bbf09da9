"""A cluster in memory: what `Kubectl` is asked and told, without an API server, for flows of several calls."""

from __future__ import annotations

import copy
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.errors import UnreachableError
from ops.kube import Access, Key, Kubectl, Manifest, labels_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_KINDS = {
    "configmaps": "ConfigMap",
    "namespaces": "Namespace",
    "services": "Service",
    "deployments.apps": "Deployment",
    "statefulsets.apps": "StatefulSet",
    "daemonsets.apps": "DaemonSet",
    "persistentvolumes": "PersistentVolume",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "namespace": "Namespace",
    "deployment.apps": "Deployment",
    "statefulset.apps": "StatefulSet",
}
_TYPES = ("configmaps", "deployments.apps", "namespaces", "services", "statefulsets.apps")


class MemoryCluster(Kubectl):
    """kubectl of a cluster that is a mapping.

    Attributes:
        objects: What is there.
        silent: Whether it gives no answer.
    """

    def __init__(self, name: str = "local", context: str | None = "test", kubeconfig: Path | None = None) -> None:
        """Empty."""
        super().__init__(Path("kubectl"), name, Access(kubeconfig, context))
        self.objects: dict[Key, Manifest] = {}
        self.silent = False
        self._lock = threading.RLock()

    def put(self, manifest: Manifest) -> None:
        """Write an object as the API server would."""
        self.objects[Key.of(manifest)] = copy.deepcopy(manifest)

    def _ask(self) -> None:
        if self.silent:
            raise UnreachableError(f"cluster {self.cluster} ({self.access}) does not answer: connection refused")

    def run(
        self, arguments: Sequence[str], *, stdin: str | None = None, timeout: float = 120, partial: bool = False
    ) -> str:
        """The calls that answer with text."""
        del stdin, timeout, partial
        self._ask()
        match list(arguments):
            case ["config", "current-context"]:
                return "current\n"
            case ["api-resources", *_]:
                return "\n".join(_TYPES)
            case _:
                raise AssertionError(f"no such call: {arguments}")

    def get(self, arguments: Sequence[str], *, partial: bool = False) -> list[Manifest]:
        """`kubectl get`."""
        del partial
        with self._lock:
            self._ask()
            kinds = {_KINDS[name] for name in arguments[0].split(",")}
            rest = list(arguments[1:])
            namespace = _option(rest, "-n")
            wanted = _option(rest, "-l")
            names = [name for name in rest if name != "-A"]
            return [
                copy.deepcopy(item)
                for key, item in sorted(self.objects.items())
                if key.kind in kinds
                and (namespace is None or key.namespace == namespace)
                and (not names or key.name in names)
                and (wanted is None or _fits(labels_of(item), wanted))
            ]

    def delete(self, keys: Iterable[Key], *, wait: bool, timeout: float = 120, cascade: str = "background") -> None:
        """Deletion, at once; a namespace takes what is in it along."""
        del wait, timeout, cascade
        with self._lock:
            self._ask()
            for key in keys:
                inside = [other for other in self.objects if key.kind == "Namespace" and other.namespace == key.name]
                for gone in (key, *inside):
                    self.objects.pop(gone, None)

    def named(self, kind: str) -> list[str]:
        """Names of the objects of a kind."""
        return sorted(key.name for key in self.objects if key.kind == kind)


def _option(rest: list[str], name: str) -> str | None:
    if name not in rest:
        return None
    at = rest.index(name)
    _, value = rest.pop(at), rest.pop(at)
    return value


def _fits(labels: dict[str, Any], wanted: str) -> bool:
    if " in " in wanted:
        label, _, names = wanted.partition(" in ")
        return labels.get(label) in names.strip("()").split(",")
    return all(labels.get(part.split("=")[0]) == part.split("=")[1] for part in wanted.split(","))
