"""Evaluates network policies: may this pod connect to that one on this port?

Semantics of https://kubernetes.io/docs/concepts/services-networking/network-policies/: a pod that no policy of a
direction selects is open in that direction; otherwise one rule of one policy must allow; a connection needs the egress
of its client and the ingress of its server. Pods on the host's network are what most plugins make of them: traffic of
the node's address, which no pod selector matches and no policy restricts.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from tests.support.data import Data, items, mapping, texts

NODE_ADDRESS = "192.168.0.10"
OUTSIDE_ADDRESS = "203.0.113.7"


@dataclass(frozen=True)
class Pod:
    """A pod on the network, or (without namespace) an address outside the cluster."""

    name: str
    namespace: str | None
    labels: dict[str, str]
    address: str
    ports: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    host_network: bool = False


def selects(selector: Data, labels: dict[str, str]) -> bool:
    """Whether a label selector matches labels; an empty one matches everything."""
    assert selector.keys() <= {"matchLabels"}, f"the program selects by labels alone: {selector}"
    return mapping(selector, "matchLabels").items() <= labels.items()


class Network:
    """The network of one cluster, as its policies make it."""

    def __init__(self, policies: list[Data], namespaces: dict[str, dict[str, str]]) -> None:
        """Keep the policies; every namespace has its name as a label, as the API server sees to."""
        self.policies = policies
        self.namespaces = {name: {**labels, "kubernetes.io/metadata.name": name} for name, labels in namespaces.items()}

    def allows(self, client: Pod, server: Pod, port: int, protocol: str = "TCP") -> bool:
        """Whether a connection comes about."""
        if client == server:
            return True
        return self.leaves(client, server, port, protocol) and self.enters(client, server, port, protocol)

    def leaves(self, client: Pod, server: Pod, port: int, protocol: str = "TCP") -> bool:
        """Whether the client's side alone lets a connection out."""
        return self._side("Egress", client, server, server, port, protocol)

    def enters(self, client: Pod, server: Pod, port: int, protocol: str = "TCP") -> bool:
        """Whether the server's side alone lets a connection in."""
        return self._side("Ingress", server, client, server, port, protocol)

    def _policies(self, direction: str, pod: Pod) -> list[Data]:
        if pod.namespace is None or pod.host_network:
            return []
        return [
            policy
            for policy in self.policies
            if policy["metadata"]["namespace"] == pod.namespace
            and direction in _directions(policy)
            and selects(mapping(policy, "spec", "podSelector"), pod.labels)
        ]

    def _side(self, direction: str, owner: Pod, other: Pod, server: Pod, port: int, protocol: str) -> bool:
        policies = self._policies(direction, owner)
        if not policies:
            return True
        key, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
        return any(
            _port_matches(items(rule, "ports"), server, port, protocol)
            and self._peers_match(items(rule, peers), policy["metadata"]["namespace"], other)
            for policy in policies
            for rule in items(policy, "spec", key)
        )

    def _peers_match(self, peers: list[Data], namespace: str, other: Pod) -> bool:
        return not peers or any(self._peer_matches(peer, namespace, other) for peer in peers)

    def _peer_matches(self, peer: Data, namespace: str, other: Pod) -> bool:
        if block := mapping(peer, "ipBlock"):
            address = ipaddress.ip_address(other.address)
            return address in ipaddress.ip_network(block["cidr"]) and not any(
                address in ipaddress.ip_network(part) for part in texts(block, "except")
            )
        if other.namespace is None or other.host_network:
            return False
        if "namespaceSelector" in peer:
            if not selects(peer["namespaceSelector"], self.namespaces.get(other.namespace, {})):
                return False
        elif other.namespace != namespace:
            return False
        return "podSelector" not in peer or selects(peer["podSelector"], other.labels)


def _directions(policy: Data) -> list[str]:
    implied = ["Ingress", "Egress"] if items(policy, "spec", "egress") else ["Ingress"]
    return texts(policy, "spec", "policyTypes") or implied


def _port_matches(ports: list[Data], server: Pod, port: int, protocol: str) -> bool:
    if not ports:
        return True
    for entry in ports:
        if entry.get("protocol", "TCP") != protocol:
            continue
        wanted = entry.get("port")
        if wanted is None:
            return True
        if isinstance(wanted, str):
            if server.ports.get(wanted) == (port, protocol):
                return True
        elif wanted <= port <= entry.get("endPort", wanted):
            return True
    return False
