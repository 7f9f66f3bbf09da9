"""Volumes whose size in the settings is another than the one that is there: grown, or refused in one sentence.

The program leaves the claim template of a StatefulSet as it was first applied, because the API server refuses another;
what makes a volume larger is its claim (https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.cluster.stateful import claims_of
from ops.compare.immutable import quantity
from ops.errors import RefusedError
from ops.kube import Key, entries, section
from ops.live import labelled
from ops.pulumi.results import Change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.kube import Kubectl, Manifest
    from ops.stack import Stack


@dataclass(frozen=True)
class Growth:
    claim: Key
    before: str
    after: str

    def change(self, cluster: str) -> Change:
        return Change("update", cluster, str(self.claim), note=f"grows from {self.before} to {self.after}")


def live(kubectl: Kubectl, stack: Stack) -> dict[Key, Manifest]:
    """The claims of a stack on a cluster; it is not asked if none of its workloads has a volume of its own."""
    has_claims = any(entries(item, "spec", "volumeClaimTemplates") for item in stack.manifests(kubectl.cluster))
    return labelled(kubectl, "persistentvolumeclaims", stack.name) if has_claims else {}


def growing(stack: Stack, cluster: str, kubectl: Kubectl, claims: Mapping[Key, Manifest]) -> list[Growth]:
    """The claims that become larger; raises RefusedError for one that shrinks or whose storage class forbids it."""
    found: list[Growth] = []
    for workload in (item for item in stack.manifests(cluster) if item["kind"] == "StatefulSet"):
        path = _path(stack, cluster, Key.of(workload))
        for template in entries(workload, "spec", "volumeClaimTemplates"):
            wanted = _size(template)
            for claim in claims_of(workload, template, claims):
                there = _size(claims[claim])
                if _bytes(wanted) > _bytes(there):
                    _refuse_fixed(kubectl, claims[claim], path, wanted)
                    found.append(Growth(claim, there, wanted))
                elif path and _bytes(wanted) < _bytes(there):
                    # A size that is no setting was changed by whoever keeps the cluster: it stays.
                    raise RefusedError(
                        f"{path} = {wanted}: {claim} has {there}, and a volume never becomes smaller; set at least "
                        f"{there}. Nothing was changed"
                    )
    return found


def grow(kubectl: Kubectl, growths: list[Growth]) -> None:
    """Make claims larger; the volumes follow while their pods run."""
    for growth in growths:
        patch = {"spec": {"resources": {"requests": {"storage": growth.after}}}}
        where = ["-n", growth.claim.namespace, "--type=merge", f"--patch={json.dumps(patch)}"]
        kubectl.run(["patch", "persistentvolumeclaim", growth.claim.name, *where])


def _size(claim: Manifest) -> str:
    return str(section(claim, "spec", "resources", "requests").get("storage"))


def _bytes(size: str) -> float:
    return quantity(size) or 0


def _refuse_fixed(kubectl: Kubectl, claim: Manifest, path: str, wanted: str) -> None:
    name = str(section(claim, "spec").get("storageClassName") or "")
    if name and any(found.get("allowVolumeExpansion") for found in kubectl.get(["storageclasses", name])):
        return
    raise RefusedError(
        f"{path or 'its size'} = {wanted}: {Key.of(claim)} has {_size(claim)}, and storage class {name or '(none)'} of "
        f"cluster {kubectl.cluster} cannot make volumes larger; set {_size(claim)}. Nothing was changed"
    )


def _path(stack: Stack, cluster: str, workload: Key) -> str:
    """Key path of the setting of a workload's volume; empty where its size is no setting."""
    for app in stack.apps(cluster):
        if (app.namespace, app.object) == (workload.namespace, workload.name):
            if app.system == "monitoring":
                return f"clusters.{cluster}.monitoring.storage"
            return "apps.todo.storage" if app.part_of == "todo" else ""
    return ""
