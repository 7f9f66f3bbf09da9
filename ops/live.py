"""What is really on a cluster: every object that carries a stack's label."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from ops.errors import OpsError
from ops.kube import Key, Kubectl, Manifest, entries, section

if TYPE_CHECKING:
    from collections.abc import Iterable

STACK_LABEL = "slipway.dev/stack"
"""Label of every object that a stack makes."""
LIFECYCLE_LABEL = "slipway.dev/lifecycle"
# Views of other objects, without a life of their own.
_VIEWS = {"events", "events.events.k8s.io", "pods.metrics.k8s.io", "nodes.metrics.k8s.io", "componentstatuses"}
_POLL_S = 0.5
# How the condition NamespaceContentRemaining names what is left in a namespace.
_REMAINING = re.compile(r"([a-z][a-z0-9.-]*) has \d+ resource instances")


@dataclass(frozen=True)
class Inventory:
    """The objects of a stack on one cluster, those included that others made for them (pods, replica sets)."""

    objects: dict[Key, Manifest] = field(default_factory=dict[Key, Manifest])

    def made(self) -> dict[Key, Manifest]:
        """Those that the stack itself made, without what controllers derived and what is being deleted already."""
        return {
            key: item
            for key, item in self.objects.items()
            if key.kind not in ("Endpoints", "EndpointSlice")
            and not item["metadata"].get("ownerReferences")
            and not item["metadata"].get("deletionTimestamp")
        }

    def namespaces(self) -> dict[str, Manifest]:
        return {key.name: item for key, item in self.objects.items() if key.kind == "Namespace"}


def selector(stack: str) -> str:
    return f"{STACK_LABEL}={stack}"


def labelled(kubectl: Kubectl, kinds: str, stack: str) -> dict[Key, Manifest]:
    """The objects of some types (as kubectl takes them, with commas) that carry the stack's label, in one call."""
    return {Key.of(item): item for item in kubectl.get([kinds, "-A", "-l", selector(stack)])}


def types(kubectl: Kubectl) -> list[str]:
    """Every resource type of the cluster whose objects can be listed and deleted, as `name.group`."""
    text = kubectl.run(["api-resources", "--verbs=list,delete", "-o", "name", "--request-timeout=20s"], partial=True)
    return sorted({line.strip() for line in text.splitlines() if line.strip()} - _VIEWS)


def inventory(kubectl: Kubectl, stack: str) -> Inventory:
    """All objects that carry the stack's label, of every type and in every namespace. Secrets come with their values:
    keep them in memory. Raises CommandError where something cannot be listed, so that nothing could be proved."""
    found = kubectl.get([",".join(types(kubectl)), "-A", "-l", selector(stack)], partial=True)
    return Inventory({Key.of(item): item for item in found})


def volumes_of(kubectl: Kubectl, namespaces: Iterable[str]) -> list[Manifest]:
    """PersistentVolumes whose claim is or was in one of the namespaces."""
    wanted = set(namespaces)
    return [
        volume
        for volume in kubectl.get(["persistentvolumes"])
        if section(volume, "spec", "claimRef").get("namespace") in wanted
    ]


def wait_gone(kubectl: Kubectl, keys: Iterable[Key], timeout: float) -> None:
    """Wait until objects that are being deleted are gone; raises OpsError, with what holds them, if some are not."""
    wanted = list(keys)

    def remaining() -> list[Manifest]:
        return [item for item in _fetch(kubectl, wanted) if Key.of(item) in wanted]

    end = time.monotonic() + timeout
    while (left := remaining()) and time.monotonic() < end:
        time.sleep(_POLL_S)
    reasons = [f"  {line}" for item in left for line in _held_back(kubectl, item)]
    if left:
        raise OpsError(
            f"cluster {kubectl.cluster}: not gone after {timeout:.0f} s:\n"
            + "\n".join(reasons)
            + "\nrun the same command again to continue"
        )


def held_namespaces(kubectl: Kubectl, stack: str) -> list[str]:
    """Lines about the stack's namespaces that are being deleted and not gone: what holds each."""
    spaces = labelled(kubectl, "namespaces", stack).values()
    ending = [item for item in spaces if item["metadata"].get("deletionTimestamp")]
    return [f"  {line}" for item in ending for line in _held_back(kubectl, item)]


def _fetch(kubectl: Kubectl, keys: list[Key]) -> list[Manifest]:
    found: list[Manifest] = []
    grouped: dict[tuple[str, str], list[str]] = {}
    for key in keys:
        grouped.setdefault((key.resource, key.namespace), []).append(key.name)
    for (kind, namespace), names in grouped.items():
        found += kubectl.get([kind, *names, *(["-n", namespace] if namespace else [])])
    return found


def _held_back(kubectl: Kubectl, item: Manifest) -> list[str]:
    """What an object waits for; of a namespace, the objects in it that somebody holds."""
    conditions = entries(item, "status", "conditions")
    reasons = [str(c["message"]) for c in conditions if c.get("status") == "True" and c.get("message")]
    finalizers = cast("list[str]", item["metadata"].get("finalizers") or [])
    waits = f"waits for {', '.join(finalizers)}" if finalizers else ""
    said = "; ".join(reasons) or waits
    lines = [f"{Key.of(item)}{': ' if said else ''}{said}"]
    for resource in dict.fromkeys(_REMAINING.findall(" ".join(reasons))):
        try:
            inside = kubectl.get([resource.rstrip("."), "-n", item["metadata"]["name"]])
        except OpsError:
            continue
        lines += [
            f"  {Key.of(held)} is held by its finalizer {' and '.join(held['metadata']['finalizers'])}"
            for held in inside
            if held["metadata"].get("finalizers")
        ]
    return lines
