"""Removing a stack from a cluster, and the proof that nothing is left."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ops.engines import stash
from ops.engines.lock import free_lease, home, lease
from ops.engines.release import CLUSTER_LABEL, Helm, last_words
from ops.errors import BusyError, EngineError, OpsError
from ops.kube import Key, labels_of, section
from ops.live import ENVIRONMENT_LABEL, NAMESPACE, Inventory, inventory, volumes_of, wait_gone

if TYPE_CHECKING:
    from ops.kube import Kubectl
    from ops.stack import Stack

_VOLUME_TIMEOUT_S = 90
_POLL_S = 1.0
_SHOWN = 20


class Removal:
    """The removal of a stack from one cluster; goes on where an interrupted one stopped."""

    def __init__(self, stack: Stack, kubectl: Kubectl, helm: Helm | None) -> None:
        """Nothing happens yet.

        Args:
            stack: The stack.
            kubectl: The cluster.
            helm: The release to uninstall first, or None.
        """
        self._stack, self._kubectl, self._helm = stack, kubectl, helm
        self._namespaces: set[str] = set()

    def run(self, timeout: float) -> bool:
        """Remove everything; returns whether there was anything.

        Args:
            timeout: Seconds that each step may take.

        Raises:
            OpsError: A step failed; the next run goes on from there.
        """
        there = self.look()
        if not there.objects and not volumes_of(self._kubectl, self._namespaces):
            # A removal that was killed at its very end left nothing but its lock, which nobody would ever free.
            with suppress(BusyError):
                free_lease(self._kubectl, self._stack.name, force=False)
            return False
        with lease(self._kubectl, self._stack.name, "down", make_home=False):
            self.clear(timeout)
        return True

    def look(self) -> Inventory:
        """What is there; remembers the namespaces, to find their volumes when they are gone."""
        there = inventory(self._kubectl, self._stack.name)
        rendered = set(self._stack.namespaces(self._kubectl.cluster))
        ours = set(there.namespaces())
        # A namespace that only shares the name has volumes that are not ours.
        foreign = {item["metadata"]["name"] for item in self._kubectl.get(["namespaces"])} - ours
        self._namespaces |= (rendered | ours) - foreign
        return there

    def clear(self, timeout: float) -> None:
        """Uninstall the release, then remove namespaces and everything else that carries the stack's label.

        Args:
            timeout: Seconds that each step may take.

        Raises:
            OpsError: A step failed.
        """
        stack, kubectl = self._stack, self._kubectl
        there = self.look()
        if self._helm is not None and any(_is_record(key, there) for key in there.objects):
            with stack.progress.step(f"uninstall {self._helm.release}"):
                _uninstall(self._helm, kubectl.cluster, timeout)
        with stack.progress.step("remove namespaces and what is left"):
            left = inventory(kubectl, stack.name)
            made = left.made()
            spaces = [Key("", "Namespace", "", name) for name in left.namespaces()]
            inside = {key.name for key in spaces} | {NAMESPACE}
            loose = [key for key in made if key.namespace and key.namespace not in inside]
            kubectl.delete([*loose, *spaces], wait=False)
            wait_gone(kubectl, [*loose, *spaces], timeout)
            wide = [key for key in made if not key.namespace and key.kind != "Namespace"]
            kubectl.delete(wide, wait=False)
            wait_gone(kubectl, wide, timeout)
            home = [key for key in made if key.namespace == NAMESPACE and _belongs(key, left, kubectl.cluster)]
            # What says that an environment is there goes last of all: a removal that is killed now is found again.
            records = [key for key in home if labels_of(left.objects[key]).get(ENVIRONMENT_LABEL)]
            kubectl.delete([key for key in home if key not in records], wait=True)
            kubectl.delete(records, wait=True)

    def prove(self) -> None:
        """Sweep every resource type for the stack's label, and the volumes of its namespaces.

        Removes our own namespace too when no stack of the cluster needs it any more.

        Raises:
            EngineError: Something is left; names it.
        """
        with self._stack.progress.step("prove that nothing is left"):
            left = self._left()
            end = time.monotonic() + _VOLUME_TIMEOUT_S
            while left and time.monotonic() < end:
                time.sleep(_POLL_S)
                left = self._left()
            if not left:
                remove_home(self._kubectl)
                return
        shown = "\n".join(f"  {name}" for name in left[:_SHOWN])
        more = f"\n  and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
        raise EngineError(
            f"stack {self._stack.name} on cluster {self._kubectl.cluster}: still there after the removal:\n"
            f"{shown}{more}\nrun the same command again to continue"
        )

    def _left(self) -> list[str]:
        objects = [str(key) for key in inventory(self._kubectl, self._stack.name).objects]
        volumes = [
            f"PersistentVolume {v['metadata']['name']} ({section(v, 'spec').get('persistentVolumeReclaimPolicy')})"
            for v in volumes_of(self._kubectl, self._namespaces)
        ]
        return sorted([*objects, *volumes])


def _uninstall(helm: Helm, cluster: str, timeout: float) -> None:
    child = helm.uninstall(timeout)
    try:
        code, text = child.wait()
    except BaseException:
        child.stop()
        raise
    if code != 0:
        raise EngineError(
            f"cluster {cluster}: helm uninstall {helm.release} failed: {last_words(text)}; "
            "run the same command again to continue"
        )


def _is_record(key: Key, there: Inventory) -> bool:
    return key.namespace == NAMESPACE and labels_of(there.objects[key]).get("owner") == "helm"


def _belongs(key: Key, there: Inventory, cluster: str) -> bool:
    """Whether a Secret in our namespace is this cluster entry's: two entries of a stack may lead to one cluster."""
    return labels_of(there.objects[key]).get(CLUSTER_LABEL, cluster) == cluster


def remove_home(kubectl: Kubectl) -> None:
    """Remove our own namespace when no stack of the cluster needs it any more.

    Raises:
        EngineError: It does not go.
        OpsError: The cluster does not answer.
    """
    with home(kubectl):
        _remove_home(kubectl)


def _remove_home(kubectl: Kubectl) -> None:
    spaces = kubectl.get(["namespaces", NAMESPACE])
    if not spaces or not labels_of(spaces[0]).items() >= stash.MARK.items():
        return
    kept = kubectl.get(["secrets,leases.coordination.k8s.io,configmaps", "-n", NAMESPACE])
    # Kubernetes puts its own ConfigMap into every namespace.
    if any(item["metadata"]["name"] != "kube-root-ca.crt" for item in kept):
        return
    key = Key("", "Namespace", "", NAMESPACE)
    try:
        kubectl.delete([key], wait=False)
        wait_gone(kubectl, [key], _VOLUME_TIMEOUT_S)
    except OpsError as error:
        raise EngineError(f"cluster {kubectl.cluster}: the namespace {NAMESPACE} is not gone: {error}") from None
