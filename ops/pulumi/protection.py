"""What must not be removed by mistake, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ops.kube import Key, labels_of
from ops.live import LIFECYCLE_LABEL, selector
from ops.pulumi.state import resource_name

if TYPE_CHECKING:
    from ops.stack import Stack

_ON_CLUSTERS = "namespaces,persistentvolumeclaims"
_HELD = {"Namespace": "all that is in it goes with it", "PersistentVolumeClaim": "its data goes with it"}


def in_plan(stack: Stack) -> list[str]:
    """What the program protects, each as a sentence.

    Args:
        stack: The stack.
    """
    resources = cast("list[dict[str, Any]]", stack.rendered.plan["resources"])
    return [
        f"{resource_name(str(r['type']), str(r['name']), r['inputs'])}: protected by the program"
        for r in resources
        if r["protect"] and r["custom"]
    ]


def on_clusters(stack: Stack) -> list[str]:
    """What is on the clusters of a stack that is durable, or was when it was last applied, each as a sentence.

    Args:
        stack: The stack.

    Raises:
        UnreachableError: A cluster does not answer.
    """
    wanted = f"{selector(stack.name)},{LIFECYCLE_LABEL}=durable"
    return [
        f"{Key.of(item)}: durable (label {LIFECYCLE_LABEL}={labels_of(item)[LIFECYCLE_LABEL]}); {_HELD[item['kind']]}"
        for kubectl in stack.reachable().values()
        for item in kubectl.get([_ON_CLUSTERS, "-A", "-l", wanted])
    ]
