"""Node ports that somebody else on the cluster has already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.errors import RefusedError
from ops.kube import Key, entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ops.kube import Kubectl, Manifest


def _node_ports(services: Iterable[Manifest]) -> dict[int, Key]:
    return {
        int(port["nodePort"]): Key.of(service)
        for service in services
        if service["kind"] == "Service"
        for port in entries(service, "spec", "ports")
        if port.get("nodePort")
    }


def refuse_taken(kubectl: Kubectl, wanted: Iterable[Manifest], made: Mapping[Key, Manifest]) -> None:
    """Refuse node ports that Services outside the stack hold, before anything is made.

    Args:
        kubectl: The cluster.
        wanted: The manifests of the stack.
        made: The live objects of the stack.

    Raises:
        RefusedError: Ports are taken; names each with its holder.
        UnreachableError: The cluster does not answer.
    """
    ports = _node_ports(wanted)
    if not ports or all(key in made for key in ports.values()):
        return
    theirs = _node_ports(item for item in kubectl.get(["services", "-A"]) if Key.of(item) not in made)
    taken = [
        f"  {port}, wanted for {key.namespace}/{key.name}, is {theirs[port].namespace}/{theirs[port].name}'s"
        for port, key in sorted(ports.items())
        if port in theirs and theirs[port] != key
    ]
    if taken:
        raise RefusedError(
            f"cluster {kubectl.cluster}: node ports are in use by other Services; nothing was changed:\n"
            + "\n".join(taken)
            + "\nset other ones (slipway config set apps.<app>.nodePort <port>) or remove those Services"
        )
