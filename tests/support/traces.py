"""Everything that a cluster holds, to compare it with what it holds later."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from tests.support import live

# Written all the time, by everybody.
_PASSING = {"events", "events.events.k8s.io", "componentstatuses", "pods.metrics.k8s.io", "nodes.metrics.k8s.io"}
_SERVER_FIELDS = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "selfLink")


@dataclass(frozen=True)
class Traces:
    """What a cluster holds."""

    objects: frozenset[str]
    node_ports: frozenset[int]
    addresses: frozenset[str]
    volumes: frozenset[str]

    def more_than(self, before: Traces) -> dict[str, list[str]]:
        """What is there that was not, or is not there that was; empty where nothing differs."""
        pairs = {
            name: (set(getattr(self, name)), set(getattr(before, name)))
            for name in ("objects", "node_ports", "addresses", "volumes")
        }
        return {name: sorted(map(str, now ^ then)) for name, (now, then) in pairs.items() if now != then}


def types() -> list[str]:
    """Every type whose objects can be listed."""
    names = live.kubectl("api-resources", "--verbs=list", "-o", "name").stdout.split()
    return sorted(set(names) - _PASSING)


def look() -> Traces:
    """Everything on the embedded cluster."""
    items = live.get(",".join(types()), "-A")
    services = [item for item in items if item["kind"] == "Service" and item["apiVersion"] == "v1"]
    balanced = [point for item in services for point in item["status"].get("loadBalancer", {}).get("ingress", [])]
    return Traces(
        objects=frozenset(_name(item) for item in items),
        node_ports=frozenset(
            p["nodePort"] for item in services for p in item["spec"].get("ports", []) if "nodePort" in p
        ),
        addresses=frozenset(
            [address for item in services for address in item["spec"].get("clusterIPs", [])]
            + [str(point.get("ip")) for point in balanced]
        ),
        volumes=frozenset(item["metadata"]["name"] for item in items if item["kind"] == "PersistentVolume"),
    )


def _name(item: dict[str, Any]) -> str:
    metadata = item["metadata"]
    return f"{item['kind']} {item['apiVersion'].rpartition('/')[0]} {metadata.get('namespace', '')}/{metadata['name']}"


def specifications(stack: str) -> dict[str, dict[str, Any]]:
    """Every object with a stack's label, by name, without its status and what only the server writes."""
    found: dict[str, dict[str, Any]] = {}
    for item in live.get(",".join(types()), "-A", "-l", f"slipway.dev/stack={stack}"):
        bare = copy.deepcopy(item)
        bare.pop("status", None)
        for name in _SERVER_FIELDS:
            bare["metadata"].pop(name, None)
        found[_name(item)] = bare
    return found
