"""What carries a stack's label on a cluster although the stack does not make it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.kube import annotations_of, labels_of
from ops.live import NAMESPACE, RELEASE_ANNOTATION

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ops.kube import Key, Manifest

_OWN = ("app.kubernetes.io/managed-by", "slipway")
_DATA = ("PersistentVolumeClaim", "PersistentVolume")


def orphans(
    made: Mapping[Key, Manifest], wanted: Collection[Key], release: str | None, *, durable: bool
) -> tuple[list[Key], list[Key]]:
    """Objects that the stack does not make.

    Args:
        made: Live objects with the stack's label that no controller derived.
        wanted: Everything that the stack makes, on whatever cluster.
        release: The Helm release of this cluster; None where another engine made the stack.
        durable: Whether the stack is one whose data must survive a mistake.

    Returns:
        Those that `up` removes, and those that it leaves to people: data of a durable stack, and namespaces that no
        engine made. What lives in a namespace that goes is not listed: it goes with it.
    """
    found = [key for key, item in made.items() if key not in wanted and not _kept_beside(key, item)]
    ours = [key for key in found if annotations_of(made[key]).get(RELEASE_ANNOTATION) in (None, release)]
    spared = [key for key in ours if _is_spared(key, made[key], release, durable=durable)]
    leaving = {key.name for key in ours if key.kind == "Namespace" and key not in spared}
    return [key for key in ours if key not in spared and key.namespace not in leaving], spared


def _kept_beside(key: Key, item: Manifest) -> bool:
    """Whether it is what the engines keep for themselves: records, stashes, Secrets applied beside the chart."""
    mark, value = _OWN
    return key.namespace == NAMESPACE or labels_of(item).get(mark) == value


def _is_spared(key: Key, item: Manifest, release: str | None, *, durable: bool) -> bool:
    if key.kind == "Namespace":
        return release is None or annotations_of(item).get(RELEASE_ANNOTATION) != release
    return durable and key.kind in _DATA
