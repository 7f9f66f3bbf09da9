"""A cluster in memory: what `Kubectl` is asked and told, without an API server, for flows of several calls."""

from __future__ import annotations

import copy
import itertools
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.errors import UnreachableError
from ops.kube import Access, CommandError, Key, Kubectl, Manifest, labels_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_TYPES = ("configmaps", "deployments.apps", "namespaces", "persistentvolumeclaims", "secrets", "services")


class MemoryCluster(Kubectl):
    """kubectl of a cluster that is a mapping."""

    def __init__(self, name: str = "local", context: str | None = "test", kubeconfig: Path | None = None) -> None:
        """Empty, but for what every cluster has."""
        super().__init__(Path("kubectl"), name, Access(kubeconfig, context))
        self.objects: dict[Key, Manifest] = {}
        self.silent = False
        self.stuck: set[Key] = set()
        self.calls: list[tuple[str, Key]] = []
        self._versions = itertools.count(1)
        self._lock = threading.RLock()

    @property
    def deleted(self) -> list[Key]:
        """Everything that was deleted, in order."""
        return [key for verb, key in self.calls if verb == "delete"]

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
        del stdin, timeout, partial
        self._ask()
        match list(arguments):
            case ["config", "current-context"]:
                return "current\n"
            case ["api-resources", *_]:
                return "\n".join(_TYPES)
            case ["logs", *_]:
                return ""
            case _:
                raise AssertionError(f"no such call: {arguments}")

    def get(self, arguments: Sequence[str], *, partial: bool = False) -> list[Manifest]:
        del partial
        with self._lock:
            self._ask()
            rest = list(arguments[1:])
            namespace, wanted = _option(rest, "-n"), _option(rest, "-l")
            names = [name for name in rest if not name.startswith("-")]
            return [
                copy.deepcopy(item)
                for key, item in sorted(self.objects.items())
                if any(_is(key.kind, name) for name in arguments[0].split(","))
                and (namespace is None or key.namespace == namespace)
                and (not names or key.name in names)
                and (wanted is None or _fits(labels_of(item), wanted))
            ]

    def replace(self, manifests: Iterable[Manifest], *, manager: str, dry_run: bool = False) -> list[Manifest]:
        """Replacement of what was read before."""
        del manager
        with self._lock:
            self._ask()
            wanted = list(manifests)
            if dry_run:
                return wanted
            self.calls += [("replace", Key.of(item)) for item in wanted]
            return [self.put(item) for item in wanted]

    def delete(self, keys: Iterable[Key], *, cascade: str = "background") -> None:
        """Deletion, at once; a namespace takes what is in it along."""
        del cascade
        with self._lock:
            self._ask()
            for key in keys:
                inside = [other for other in self.objects if key.kind == "Namespace" and other.namespace == key.name]
                for gone in (key, *inside):
                    if gone not in self.stuck and self.objects.pop(gone, None) is not None:
                        self.calls.append(("delete", gone))

    def named(self, kind: str) -> list[str]:
        """Names of the objects of a kind."""
        return sorted(key.name for key in self.objects if key.kind == kind)


def deployed(manifest: Manifest) -> Manifest:
    """A workload whose pods are all ready; anything else as it is."""
    ready = {"observedGeneration": 1, "readyReplicas": 9, "updatedReplicas": 9}
    return {**manifest, "status": ready} if manifest["kind"] in ("Deployment", "StatefulSet") else manifest


def _is(kind: str, name: str) -> bool:
    """Whether a resource type as kubectl takes it is that of a kind."""
    singular, asked = kind.lower(), name.partition(".")[0].lower()
    return asked in (singular, f"{singular}s", f"{singular}es", f"{singular[:-1]}ies")


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
