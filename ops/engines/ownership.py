"""Which engine made a stack, decided by what is on the cluster, and the refusal of the other one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.engines.base import TITLES
from ops.errors import RefusedError
from ops.kube import annotations_of
from ops.live import RELEASE_ANNOTATION, selector

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


def check(engine: EngineName, stack: str, kubectl: Kubectl) -> None:
    """Ask the cluster, and refuse a stack that the other engine made.

    Raises:
        RefusedError: It was made by the other engine.
        UnreachableError: The cluster does not answer.
    """
    refuse_other(engine, stack, kubectl.cluster, kubectl.get(["namespaces", "-l", selector(stack)]))
