"""Which engine made a stack, decided by what is on the cluster, and the refusal of the other one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.engines.base import TITLES
from ops.errors import RefusedError
from ops.kube import annotations_of, labels_of
from ops.live import NAMESPACE, RELEASE_ANNOTATION, STACK_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ops.engines.base import EngineName
    from ops.kube import Kubectl, Manifest


def owner(namespaces: Iterable[Manifest]) -> EngineName | None:
    """The engine that made a stack.

    Args:
        namespaces: The namespaces that carry the stack's label.

    Returns:
        Helm's engine where one of them names a release, Pulumi's where there are others; None if there is none.
    """
    found = list(namespaces)
    if any(RELEASE_ANNOTATION in annotations_of(item) for item in found):
        return "helm"
    return "pulumi" if found else None


def refuse_other(engine: EngineName, stack: str, cluster: str, namespaces: Iterable[Manifest]) -> None:
    """Refuse a stack that the other engine made.

    Raises:
        RefusedError: It was made by the other engine; names the way over.
    """
    made_by = owner(namespaces)
    if made_by is None or made_by == engine:
        return
    raise RefusedError(
        f"stack {stack} on cluster {cluster} was made by {TITLES[made_by]}, and this run uses {TITLES[engine]}: stay "
        f"with it by --engine {made_by} (or SLIPWAY_ENGINE={made_by}), or move over by "
        f"`slipway down --stack {stack} --engine {made_by}` and then `slipway up --stack {stack} --engine {engine}`"
    )


def refuse_foreign(stack: str, cluster: str, namespaces: Iterable[Manifest], wanted: Iterable[str]) -> None:
    """Refuse to move into a namespace that somebody else made: removing the stack would remove it with all in it.

    Args:
        stack: Stack name.
        cluster: Name of the cluster.
        namespaces: Every namespace of the cluster.
        wanted: Names of the namespaces that the stack makes.

    Raises:
        RefusedError: Some exist and are not the stack's; names them and whose they are.
    """
    theirs = {item["metadata"]["name"]: labels_of(item) for item in namespaces}
    homes = {NAMESPACE: ("app.kubernetes.io/managed-by", "slipway")}
    taken: list[str] = []
    for name in sorted(set(wanted) & set(theirs)):
        label, value = homes.get(name, (STACK_LABEL, stack))
        if theirs[name].get(label) != value:
            holder = theirs[name].get(STACK_LABEL)
            taken.append(f"{name} (of stack {holder})" if holder else name)
    if taken:
        raise RefusedError(
            f"stack {stack} on cluster {cluster}: somebody else made the namespaces {', '.join(taken)}; nothing was "
            "changed. Remove or rename them, or give the stack names of its own with slipway:namespacePrefix"
        )


def check(engine: EngineName, stack: str, kubectl: Kubectl, wanted: Iterable[str]) -> list[Manifest]:
    """Ask the cluster; refuse a stack that the other engine made, and namespaces that somebody else made.

    Args:
        engine: The engine of this run.
        stack: Stack name.
        kubectl: The cluster.
        wanted: Names of the namespaces that the stack makes; none for a removal.

    Returns:
        Every namespace of the cluster.

    Raises:
        RefusedError: It is not ours to touch.
        UnreachableError: The cluster does not answer.
    """
    everything = kubectl.get(["namespaces"])
    ours = [item for item in everything if labels_of(item).get(STACK_LABEL) == stack]
    refuse_other(engine, stack, kubectl.cluster, ours)
    refuse_foreign(stack, kubectl.cluster, everything, wanted)
    return everything
