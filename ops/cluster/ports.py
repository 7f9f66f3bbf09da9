"""Node ports that somebody else on the cluster has already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.errors import RefusedError
from ops.kube import Key, entries, labels_of
from ops.live import STACK_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ops.kube import Kubectl, Manifest


def _node_ports(services: Iterable[Manifest]) -> dict[int, Key]:
    return {
        int(port["nodePort"]): Key.of(service)
        for service in services
        if service["kind"] == "Service"
        for port in entries(service, "spec", "ports")
        if port.get("nodePort")
    }


def refuse_taken(kubectl: Kubectl, wanted: Iterable[Manifest], stack: str) -> None:
    """Refuse node ports that Services outside the stack hold, before anything is made.

    Args:
        kubectl: The cluster.
        wanted: The manifests of the stack.
        stack: Name of the stack.

    Raises:
        RefusedError: Ports are taken; names each with its holder.
        UnreachableError: The cluster does not answer.
    """
    ports = _node_ports(wanted)
    if not ports:
        return
    others = [item for item in kubectl.get(["services", "-A"]) if labels_of(item).get(STACK_LABEL) != stack]
    theirs = _node_ports(others)
    holders = {Key.of(item): labels_of(item).get(STACK_LABEL) for item in others}
    taken = [
        f"  {port}, wanted for {key.namespace}/{key.name}, is {_shown(theirs[port], holders[theirs[port]])}'s"
        for port, key in sorted(ports.items())
        if port in theirs
    ]
    if taken:
        raise RefusedError(
            f"cluster {kubectl.cluster}: node ports are in use by other Services; nothing was changed:\n"
            + "\n".join(taken)
            + "\nset other ones (slipway config set apps.<app>.nodePort <port>) or remove those Services"
        )


def _shown(service: Key, stack: str | None) -> str:
    return f"{service.namespace}/{service.name}" + (f" of stack {stack}" if stack else "")
