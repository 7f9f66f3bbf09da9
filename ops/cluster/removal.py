"""Removing by label what is left of a stack on a cluster, and the proof that nothing is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ops.errors import EngineError
from ops.kube import Key, labels_of, section
from ops.live import Inventory, inventory, volumes_of, wait_gone

if TYPE_CHECKING:
    from ops.kube import Kubectl
    from ops.stack import Stack

_VOLUME_TIMEOUT_S = 90
_POLL_S = 1.0
_SHOWN = 20
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
_FORMER_HOME = "slipway"
"""Namespace in which versions before 2026-12 kept locks and records."""


class Removal:
    """The removal of a stack from one cluster; goes on where an interrupted one stopped."""

    def __init__(self, stack: Stack, kubectl: Kubectl) -> None:
        self._stack, self._kubectl = stack, kubectl
        self._namespaces: set[str] = set()
        self._swept = False

    def look(self) -> Inventory:
        """What is there; remembers the namespaces, to find their volumes when they are gone."""
        there = inventory(self._kubectl, self._stack.name)
        rendered = set(self._stack.namespaces(self._kubectl.cluster))
        ours = set(there.namespaces())
        # A namespace that only shares the name has volumes that are not ours.
        foreign = {item["metadata"]["name"] for item in self._kubectl.get(["namespaces"])} - ours
        self._namespaces |= (rendered | ours) - foreign
        return there

    def run(self, timeout: float) -> bool:
        """Remove all with the stack's label, each step within so many seconds; returns whether there was anything.
        Raises OpsError where a step failed; the next run goes on from there."""
        there = self.look()
        made = there.made()
        self._swept = not there.objects
        if not made:
            return False
        with self._stack.progress.step("remove what still has the stack's label"):
            kubectl = self._kubectl
            # Pods first: a namespace that is asked for while pods end waits for half of their time to end, and again.
            workloads = [key for key in made if key.kind in _WORKLOADS]
            kubectl.delete(workloads, cascade="foreground")
            wait_gone(kubectl, workloads, timeout)
            spaces = [Key("", "Namespace", "", name) for name in there.namespaces()]
            inside = {key.name for key in spaces}
            rest = [key for key in made if key not in workloads]
            loose = [key for key in rest if key.namespace and key.namespace not in inside]
            kubectl.delete([*loose, *spaces])
            wait_gone(kubectl, [*loose, *spaces], timeout)
            wide = [key for key in rest if not key.namespace and key.kind != "Namespace"]
            kubectl.delete(wide)
            wait_gone(kubectl, wide, timeout)
            self._remove_former_home(timeout)
        return True

    def prove(self) -> None:
        """Raises EngineError if anything with the stack's label, or a volume of its namespaces, is left."""
        with self._stack.progress.step("prove that nothing is left"):
            end = time.monotonic() + _VOLUME_TIMEOUT_S
            while (left := self._left()) and time.monotonic() < end:
                time.sleep(_POLL_S)
        if not left:
            return
        shown = "\n".join(f"  {name}" for name in left[:_SHOWN])
        more = f"\n  and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
        raise EngineError(
            f"stack {self._stack.name} on cluster {self._kubectl.cluster}: still there after the removal:\n"
            f"{shown}{more}\nrun the same command again to continue"
        )

    def _left(self) -> list[str]:
        there = Inventory() if self._swept else inventory(self._kubectl, self._stack.name)
        objects = [str(key) for key in there.objects]
        volumes = [
            f"PersistentVolume {v['metadata']['name']} ({section(v, 'spec').get('persistentVolumeReclaimPolicy')})"
            for v in volumes_of(self._kubectl, self._namespaces)
        ]
        return sorted([*objects, *volumes])

    def _remove_former_home(self, timeout: float) -> None:
        """The namespace of an older version, when nothing is in it any more."""
        spaces = self._kubectl.get(["namespaces", _FORMER_HOME])
        if not spaces or labels_of(spaces[0]).get("app.kubernetes.io/managed-by") != "slipway":
            return
        kept = self._kubectl.get(["secrets,leases.coordination.k8s.io,configmaps", "-n", _FORMER_HOME])
        # Kubernetes puts its own ConfigMap into every namespace.
        if all(item["metadata"]["name"] == "kube-root-ca.crt" for item in kept):
            key = Key("", "Namespace", "", _FORMER_HOME)
            self._kubectl.delete([key])
            wait_gone(self._kubectl, [key], timeout)
