"""A cluster in memory: what `Kubectl` is asked and told, without an API server, for flows of several calls."""

from __future__ import annotations

import copy
import itertools
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.errors import UnreachableError
from ops.kube import Access, CommandError, Key, Kubectl, Manifest, labels_of
from ops.live import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_KINDS = {
    "configmaps": "ConfigMap",
    "secrets": "Secret",
    "namespaces": "Namespace",
    "services": "Service",
    "leases.coordination.k8s.io": "Lease",
    "lease.coordination.k8s.io": "Lease",
    "deployments.apps": "Deployment",
    "deployment.apps": "Deployment",
    "statefulsets.apps": "StatefulSet",
    "daemonsets.apps": "DaemonSet",
    "persistentvolumes": "PersistentVolume",
    "namespace": "Namespace",
    "configmap": "ConfigMap",
    "secret": "Secret",
}
_TYPES = ("configmaps", "deployments.apps", "leases.coordination.k8s.io", "namespaces", "secrets", "services")


class MemoryCluster(Kubectl):
    """kubectl of a cluster that is a mapping.

    Attributes:
        objects: What is there.
        silent: Whether it gives no answer.
        deleted: Everything that was deleted, in order.
    """

    def __init__(self, name: str = "local", context: str | None = "test", kubeconfig: Path | None = None) -> None:
        """Empty, but for what every cluster has."""
        super().__init__(Path("kubectl"), name, Access(kubeconfig, context))
        self.objects: dict[Key, Manifest] = {}
        self.silent = False
        self.deleted: list[Key] = []
        self._versions = itertools.count(1)
        self._lock = threading.RLock()

    def put(self, manifest: Manifest) -> Manifest:
        """Write an object as the API server would."""
        item = copy.deepcopy(manifest)
        key = Key.of(item)
        if key.namespace and Key("", "Namespace", "", key.namespace) not in self.objects:
            raise CommandError("kubectl", f'Error from server (NotFound): namespaces "{key.namespace}" not found')
        item["metadata"]["resourceVersion"] = str(next(self._versions))
        self.objects[key] = item
        return copy.deepcopy(item)

    def _ask(self) -> None:
        if self.silent:
            raise UnreachableError(f"cluster {self.cluster} ({self.access}) does not answer: connection refused")

    def run(
        self, arguments: Sequence[str], *, stdin: str | None = None, timeout: float = 120, partial: bool = False
    ) -> str:
        """The calls that answer with text."""
        del timeout, partial
        with self._lock:
            self._ask()
            match list(arguments):
                case ["create", "-f", "-"]:
                    item = json.loads(stdin or "")
                    if Key.of(item) in self.objects:
                        raise CommandError("kubectl create", "Error from server (AlreadyExists): already exists")
                    self.put(item)
                case ["replace", "-f", "-"]:
                    item = json.loads(stdin or "")
                    there = self.objects.get(Key.of(item))
                    if there is None or there["metadata"]["resourceVersion"] != item["metadata"]["resourceVersion"]:
                        raise CommandError(
                            "kubectl replace", "Error from server (Conflict): the object has been modified"
                        )
                    self.put(item)
                case ["patch", *_]:
                    pass
                case ["config", "current-context"]:
                    return "current\n"
                case ["api-resources", *_]:
                    return "\n".join(_TYPES)
                case _:
                    raise AssertionError(f"no such call: {arguments}")
            return ""

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

    def apply(
        self, manifests: Iterable[Manifest], *, manager: str, dry_run: bool = False, force: bool = True
    ) -> list[Manifest]:
        """Server-side apply of whole objects."""
        del manager, force
        with self._lock:
            self._ask()
            assert not dry_run
            return [self.put(item) for item in manifests]

    def delete(self, keys: Iterable[Key], *, wait: bool, timeout: float = 120) -> None:
        """Deletion, at once; a namespace takes what is in it along."""
        del wait, timeout
        with self._lock:
            self._ask()
            for key in keys:
                inside = [other for other in self.objects if key.kind == "Namespace" and other.namespace == key.name]
                for gone in (key, *inside):
                    if self.objects.pop(gone, None) is not None:
                        self.deleted.append(gone)

    def named(self, kind: str) -> list[str]:
        """Names of the objects of a kind."""
        return sorted(key.name for key in self.objects if key.kind == kind)

    @property
    def records(self) -> list[str]:
        """Names of the ConfigMaps in the namespace `slipway`."""
        return sorted(k.name for k in self.objects if k.kind == "ConfigMap" and k.namespace == NAMESPACE)


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
