"""What carries a stack's label on a cluster although the stack does not make it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ops.cluster.stateful import claims_of
from ops.kube import Key, entries
from ops.live import wait_gone
from ops.pulumi.results import Change, Difference

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ops.kube import Kubectl, Manifest

_GONE_TIMEOUT_S = 180
_DATA = ("PersistentVolumeClaim", "PersistentVolume")
_SPARED_NAMESPACE = "`up` leaves it alone, `down` removes it: a namespace goes with all that is in it"
_SPARED_DATA = "`up` leaves it alone: the stack is durable and it holds data; delete it by hand if nobody needs it"


@dataclass(frozen=True)
class Orphans:
    """What `up` removes, and what it spares: namespaces, because all in them would go too, and durable data."""

    removable: list[Key] = field(default_factory=list[Key])
    spared: list[Key] = field(default_factory=list[Key])

    def changes(self, cluster: str) -> list[Change]:
        return [Change("delete", cluster, str(key)) for key in self.removable]

    def differences(self, cluster: str) -> list[Difference]:
        found = [Difference("orphan", cluster, str(key)) for key in self.removable]
        notes = {key: _SPARED_NAMESPACE if key.kind == "Namespace" else _SPARED_DATA for key in self.spared}
        return found + [Difference("orphan", cluster, str(key), note=note) for key, note in notes.items()]


def orphans(made: Mapping[Key, Manifest], wanted: Collection[Key], known: Collection[str], *, durable: bool) -> Orphans:
    """Objects that the stack does not make, of the live ones with its label that no controller derived. `known`: names
    in Pulumi's state; what left the program is removed by Pulumi itself."""
    # A StatefulSet owns its claims only while they are to go with it, and not for a moment after each change of that
    # (`persistentVolumeClaimRetentionPolicy`).
    claimed = {
        key
        for owner, item in made.items()
        if owner.kind == "StatefulSet"
        for template in entries(item, "spec", "volumeClaimTemplates")
        for key in claims_of(item, template, made)
    }
    found = [key for key in made if key not in wanted and str(key) not in known and key not in claimed]
    spared = [key for key in found if key.kind == "Namespace" or (durable and key.kind in _DATA)]
    return Orphans([key for key in found if key not in spared], spared)


def remove(kubectl: Kubectl, found: Orphans) -> bool:
    """Remove the removable ones; returns whether there was anything. Raises OpsError where something does not go."""
    kubectl.delete(found.removable)
    wait_gone(kubectl, found.removable, _GONE_TIMEOUT_S)
    return bool(found.removable)
