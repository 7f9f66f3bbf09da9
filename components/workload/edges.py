"""Declared edges between workloads, and the network policies that open exactly these on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi_kubernetes as kubernetes

from components.names import object_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi

    from components.model import Endpoint, Outside, Peer, Port

networking = kubernetes.networking.v1
meta = kubernetes.meta.v1

DNS_NAMESPACE = "kube-system"


def _pods(peer: Peer) -> networking.NetworkPolicyPeerArgs:
    return networking.NetworkPolicyPeerArgs(
        namespace_selector=meta.LabelSelectorArgs(match_labels={"kubernetes.io/metadata.name": peer.namespace.name}),
        pod_selector=meta.LabelSelectorArgs(match_labels=dict(peer.selector)),
    )


def _port(port: Port) -> networking.NetworkPolicyPortArgs:
    return networking.NetworkPolicyPortArgs(port=port.number, protocol=port.protocol)


def _policy(
    logical: str,
    owner: Peer,
    name: str,
    parent: pulumi.Resource,
    *,
    ingress: networking.NetworkPolicyIngressRuleArgs | None = None,
    egress: networking.NetworkPolicyEgressRuleArgs | None = None,
) -> networking.NetworkPolicy:
    return networking.NetworkPolicy(
        logical,
        metadata=owner.namespace.metadata(name),
        spec=networking.NetworkPolicySpecArgs(
            pod_selector=meta.LabelSelectorArgs(match_labels=dict(owner.selector)),
            policy_types=["Ingress"] if ingress else ["Egress"],
            ingress=[ingress] if ingress else None,
            egress=[egress] if egress else None,
        ),
        opts=owner.namespace.inside(parent),
    )


def connect(client: Peer, server: Endpoint, parent: pulumi.Resource) -> None:
    """Open one edge on both sides.

    Args:
        client: Who connects.
        server: Where to.
        parent: Component that owns the policies.

    Raises:
        ValueError: The two are on different clusters.
    """
    if client.namespace.cluster.name != server.peer.namespace.cluster.name:
        raise ValueError(
            f"edge {client.app} -> {server.peer.app}: they run on different clusters "
            f"({client.namespace.cluster.name}, {server.peer.namespace.cluster.name}); move one of them"
        )
    port = _port(server.peer.ports[server.port])
    suffix = "" if len(server.peer.ports) == 1 else server.port
    _policy(
        object_name(client.logical, "to", server.peer.logical, suffix),
        client,
        object_name(client.app, "to", server.peer.app, suffix),
        parent,
        egress=networking.NetworkPolicyEgressRuleArgs(to=[_pods(server.peer)], ports=[port]),
    )
    _policy(
        object_name(server.peer.logical, "from", client.logical, suffix),
        server.peer,
        object_name(server.peer.app, "from", client.app, suffix),
        parent,
        ingress=networking.NetworkPolicyIngressRuleArgs(from_=[_pods(client)], ports=[port]),
    )


def allow_dns(client: Peer, parent: pulumi.Resource) -> None:
    """Let a workload ask the cluster's DNS.

    Args:
        client: Who asks.
        parent: Component that owns the policy.
    """
    _policy(
        object_name(client.logical, "to-dns"),
        client,
        object_name(client.app, "to-dns"),
        parent,
        egress=networking.NetworkPolicyEgressRuleArgs(
            to=[
                networking.NetworkPolicyPeerArgs(
                    namespace_selector=meta.LabelSelectorArgs(
                        match_labels={"kubernetes.io/metadata.name": DNS_NAMESPACE}
                    ),
                    pod_selector=meta.LabelSelectorArgs(match_labels={"k8s-app": "kube-dns"}),
                )
            ],
            ports=[networking.NetworkPolicyPortArgs(port=53, protocol=protocol) for protocol in ("UDP", "TCP")],
        ),
    )


def allow_outside(client: Peer, outside: Outside, parent: pulumi.Resource) -> None:
    """Let a workload connect to addresses outside the cluster.

    Args:
        client: Who connects.
        outside: Where to.
        parent: Component that owns the policy.
    """
    _policy(
        object_name(client.logical, "to", outside.name),
        client,
        object_name(client.app, "to", outside.name),
        parent,
        egress=networking.NetworkPolicyEgressRuleArgs(
            to=[networking.NetworkPolicyPeerArgs(ip_block=networking.IPBlockArgs(cidr=cidr)) for cidr in outside.cidrs],
            ports=[networking.NetworkPolicyPortArgs(port=port, protocol="TCP") for port in outside.ports],
        ),
    )


def allow_public(server: Peer, ports: Sequence[str], parent: pulumi.Resource, cidrs: Sequence[str] = ()) -> None:
    """Let anybody connect, as a node port or a load balancer means, or some addresses outside the cluster.

    Args:
        server: Who is connected to.
        ports: Names of its container ports.
        parent: Component that owns the policy.
        cidrs: Address ranges; none: anybody.
    """
    blocks = [networking.NetworkPolicyPeerArgs(ip_block=networking.IPBlockArgs(cidr=cidr)) for cidr in cidrs]
    _policy(
        object_name(server.logical, "public"),
        server,
        object_name(server.app, "public"),
        parent,
        ingress=networking.NetworkPolicyIngressRuleArgs(
            from_=blocks or None, ports=[_port(server.ports[port]) for port in ports]
        ),
    )
