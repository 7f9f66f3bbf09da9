"""What Pulumi's engine does not look at on a cluster: objects that are not in its state, fields that it never set."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ops.drift.applied import SPARED_DATA, SPARED_NAMESPACE
from ops.drift.fields import added_by_hand, without
from ops.drift.orphans import orphans
from ops.drift.report import Difference, Drift
from ops.engines import differences, stash
from ops.engines.base import Change
from ops.kube import CommandError, Key
from ops.live import inventory, wait_gone

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ops.drift.fields import Path
    from ops.kube import Kubectl, Manifest
    from ops.stack import Stack

_GONE_TIMEOUT_S = 180


def take_out(stack: Stack, kubectl: Kubectl) -> None:
    """Take fields that somebody added by hand out of the stack's objects on a cluster.

    Raises:
        OpsError: The cluster does not answer, or refuses an object without them.
    """
    differences.take_out(kubectl, _added(stack, kubectl, inventory(kubectl, stack.name).made()))


def sweep(stack: Stack, kubectl: Kubectl) -> bool:
    """Remove what carries the stack's label and is not the stack's; returns whether there was anything.

    Raises:
        OpsError: The cluster does not answer, or something does not go.
    """
    gone, _ = _orphans(stack, inventory(kubectl, stack.name).made())
    kubectl.delete(gone, wait=False)
    wait_gone(kubectl, gone, _GONE_TIMEOUT_S)
    return bool(gone)


def changes(stack: Stack, kubectl: Kubectl, known: Collection[tuple[str | None, str]]) -> list[Change]:
    """What `up` would do about a cluster's strays.

    Args:
        stack: The stack.
        kubectl: The cluster.
        known: Cluster and name of what Pulumi changes anyway.

    Raises:
        OpsError: The cluster does not answer.
    """
    found = Drift("pulumi")
    report(stack, kubectl, (), found)
    return [
        Change("delete" if entry.kind == "orphan" else "update", entry.cluster, entry.name, entry.diff)
        for entry in found.differences
        if not entry.note and (entry.cluster, entry.name) not in known
    ]


def report(stack: Stack, kubectl: Kubectl, known: Collection[str], found: Drift) -> None:
    """Add a cluster's strays to a drift.

    Args:
        stack: The stack.
        kubectl: The cluster.
        known: Names of what the state has: what left the program and was not applied yet is no stray.
        found: The drift.

    Raises:
        OpsError: The cluster does not answer.
    """
    made = inventory(kubectl, stack.name).made()
    gone, spared = _orphans(stack, made)
    for key in (*gone, *spared):
        if str(key) not in known:
            note = (SPARED_NAMESPACE if key.kind == "Namespace" else SPARED_DATA) if key in spared else ""
            found.differences.append(Difference("orphan", kubectl.cluster, str(key), note=note))
    for key, paths in _added(stack, kubectl, made).items():
        before = differences.bare(made[key])
        diff = differences.yaml_diff(before, without(before, paths), str(key))
        _merge(found, Difference("changed", kubectl.cluster, str(key), diff))


def _merge(found: Drift, entry: Difference) -> None:
    """Add a difference, to the one that is there already of the same object."""
    for index, other in enumerate(found.differences):
        if (other.cluster, other.name) == (entry.cluster, entry.name):
            more = "\n".join(entry.diff.splitlines()[2:])
            found.differences[index] = replace(other, diff=f"{other.diff}\n{more}" if other.diff else entry.diff)
            return
    found.differences.append(entry)


def _orphans(stack: Stack, made: Mapping[Key, Manifest]) -> tuple[list[Key], list[Key]]:
    return orphans(made, stack.keys(), None, durable=stack.durable)


def _added(stack: Stack, kubectl: Kubectl, made: Mapping[Key, Manifest]) -> dict[Key, list[Path]]:
    if stack.rendered.unresolved.get(kubectl.cluster):
        return {}
    wanted = [item for item in stack.manifests(kubectl.cluster) if Key.of(item) in made]
    if not wanted:
        return {}
    try:
        # Under a name of its own, so that each wanted field has an owner beside the hands.
        answers = kubectl.apply(wanted, manager=stash.FIELD_MANAGER, dry_run=True)
    except CommandError:
        # What cannot be changed in place is replaced by Pulumi, and whatever was added goes with it.
        return {}
    return differences.effective(kubectl, made, {Key.of(item): added_by_hand(item) for item in answers})
