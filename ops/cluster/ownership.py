"""Whose the namespaces of a cluster are, and the refusal to touch what is not the stack's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.access import reachable
from ops.errors import RefusedError
from ops.kube import annotations_of, labels_of
from ops.live import STACK_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ops.kube import Kubectl, Manifest
    from ops.stack import Stack

_RELEASE_ANNOTATION = "meta.helm.sh/release-name"
"""Versions before 2026-12 could install a stack with Helm, which left this on its namespaces."""


def check(stack: str, kubectl: Kubectl, wanted: Iterable[str]) -> None:
    """Refuse namespaces that somebody else made, and a stack that an older version installed with Helm."""
    everything = kubectl.get(["namespaces"])
    ours = [item for item in everything if labels_of(item).get(STACK_LABEL) == stack]
    refuse_former(stack, kubectl.cluster, ours)
    refuse_foreign(stack, kubectl.cluster, everything, wanted)


def checked(stack: Stack) -> dict[str, Kubectl]:
    """kubectl of the clusters that are there, none of which an older version installed the stack on."""
    clusters = reachable(stack)
    for kubectl in clusters.values():
        check(stack.name, kubectl, [])
    return clusters


def refuse_former(stack: str, cluster: str, namespaces: Iterable[Manifest]) -> None:
    """Refuse a stack that an older version installed with Helm, unknown to Pulumi's state; says what to run."""
    if any(_RELEASE_ANNOTATION in annotations_of(item) for item in namespaces):
        raise RefusedError(
            f"stack {stack} on cluster {cluster} was made by an older slipway, with Helm, so Pulumi does not know it; "
            f"remove it once with `slipway down --by-label --stack {stack}`, its data included, and run this again"
        )


def refuse_foreign(stack: str, cluster: str, namespaces: Iterable[Manifest], wanted: Iterable[str]) -> None:
    """Refuse namespaces that somebody else made, naming whose they are: removing the stack would remove all in them."""
    theirs = {item["metadata"]["name"]: labels_of(item) for item in namespaces}
    taken: list[str] = []
    for name in sorted(set(wanted) & set(theirs)):
        if theirs[name].get(STACK_LABEL) != stack:
            holder = theirs[name].get(STACK_LABEL)
            taken.append(f"{name} (of stack {holder})" if holder else name)
    if taken:
        raise RefusedError(
            f"stack {stack} on cluster {cluster}: somebody else made the namespaces {', '.join(taken)}; nothing was "
            "changed. Remove or rename them, or give the stack names of its own with slipway:namespacePrefix"
        )
