"""Node ports that somebody else on the cluster has already, or another Service of the same stack."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.errors import RefusedError
from ops.kube import Key, entries, labels_of
from ops.live import STACK_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ops.kube import Kubectl, Manifest


_RANGE = range(30000, 32768)


@dataclass(frozen=True)
class Move:
    """A port that a Service has to leave for a spare one: the settings give it to another Service of the stack."""

    service: Key
    index: int
    spare: int


def _node_ports(services: Iterable[Manifest]) -> dict[int, Key]:
    return {
        int(port["nodePort"]): Key.of(service)
        for service in services
        if service["kind"] == "Service"
        for port in entries(service, "spec", "ports")
        if port.get("nodePort")
    }


def refuse_taken(kubectl: Kubectl, wanted: Iterable[Manifest], stack: str) -> list[Move]:
    """The ports that Services of the stack have to leave before others of them can have these. Raises RefusedError,
    before anything is made, for node ports that Services outside the stack hold; names each with its holder."""
    ports = _node_ports(wanted)
    if not ports:
        return []
    there = kubectl.get(["services", "-A"])
    others = [item for item in there if labels_of(item).get(STACK_LABEL) != stack]
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
            + "\nset other ones (apps.<app>.nodePort in the stack file) or remove those Services"
        )
    used = {*ports, *_node_ports(there)}
    spare = (port for port in reversed(_RANGE) if port not in used)
    return [
        Move(Key.of(item), index, next(spare))
        for item in there
        if item not in others
        for index, port in enumerate(entries(item, "spec", "ports"))
        if ports.get(port.get("nodePort", 0), Key.of(item)) != Key.of(item)
    ]


def move(kubectl: Kubectl, moves: Iterable[Move]) -> None:
    """Have Services leave ports; the update that follows gives each its own. The API server takes one Service after the
    other, and refuses a port as long as another one has it."""
    for each in moves:
        patch = [{"op": "replace", "path": f"/spec/ports/{each.index}/nodePort", "value": each.spare}]
        where = ["-n", each.service.namespace, "--type=json", f"--patch={json.dumps(patch)}"]
        kubectl.run(["patch", "service", each.service.name, *where])


def _shown(service: Key, stack: str | None) -> str:
    return f"{service.namespace}/{service.name}" + (f" of stack {stack}" if stack else "")
