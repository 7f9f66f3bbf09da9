"""What must not be removed by mistake, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ops.kube import Key, labels_of, section
from ops.live import LIFECYCLE_LABEL, selector

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def resource_name(token: str, name: str, inputs: Mapping[str, Any]) -> str:
    """What people know a resource by: `Kind namespace/name`, or its type and its name in the program.

    Args:
        token: Type of the resource.
        name: Its logical name.
        inputs: Its inputs.
    """
    body = dict(inputs)
    known = token.startswith("kubernetes:") and "name" in section(body, "metadata") and "kind" in body
    return str(Key.of(body)) if known else f"{token} {name}"
