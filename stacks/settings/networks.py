"""Settings of the clouds' networks, and the arithmetic of their address ranges."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from stacks.settings.fields import Model, text

if TYPE_CHECKING:
    from collections.abc import Mapping

# RFC 1918 and RFC 6598: the ranges that both clouds route privately.
_PRIVATE = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
VPC_LONGEST_PREFIX = 21
"""A VPC is cut into eighths, one per zone: /24 is the smallest private subnet that leaves room for pods."""
VPC_SHORTEST_PREFIX = 16
"""Largest VPC that AWS allows (https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html)."""
CONTROL_PLANE_PREFIX = 28
"""What GKE wants for its control plane (https://cloud.google.com/kubernetes-engine/docs/how-to/private-clusters)."""

SMALLEST_DATABASE_PREFIX = 24
"""What Google wants for a managed database (https://cloud.google.com/sql/docs/mysql/private-ip#ip-range-requirements)."""


def _network(value: str) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(value, strict=True)
    except ValueError:
        try:
            meant = ipaddress.IPv4Network(value, strict=False)
        except ValueError:
            raise ValueError("must be an IPv4 range such as 10.20.0.0/16") from None
        raise ValueError(f"has bits set behind its prefix; did you mean {meant}?") from None


def _cidr(value: str) -> str:
    return str(_network(value))


def _private_cidr(value: str) -> str:
    network = _network(value)
    if not any(network.subnet_of(private) for private in _PRIVATE):
        raise ValueError("must be a private range: inside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10")
    return str(network)


def _public_cidr(value: str) -> str:
    network = _network(value)
    if any(network.subnet_of(private) for private in _PRIVATE):
        raise ValueError("must be a public range, such as 203.0.113.0/24: AWS refuses private ones here")
    return str(network)


Cidr = Annotated[str, AfterValidator(_cidr), text("IPv4 range", "203.0.113.0/24")]
"""An IPv4 range."""
PublicCidr = Annotated[str, AfterValidator(_public_cidr), text("public IPv4 range", "203.0.113.0/24")]
"""A public IPv4 range."""
PrivateCidr = Annotated[str, AfterValidator(_private_cidr), text("private IPv4 range", "10.20.0.0/16")]
"""A private IPv4 range."""


def addresses(cidr: str) -> int:
    """Size of a range.

    Args:
        cidr: IPv4 range.

    Returns:
        Number of addresses.
    """
    return ipaddress.IPv4Network(cidr).num_addresses


def overlaps(ranges: Mapping[str, str]) -> list[tuple[str, str]]:
    """Pairs of ranges that share addresses.

    Args:
        ranges: Key path to IPv4 range.

    Returns:
        Pairs of key paths, each pair once, in the order given.
    """
    items = [(path, ipaddress.IPv4Network(cidr)) for path, cidr in ranges.items()]
    return [
        (first, second)
        for i, (first, one) in enumerate(items)
        for second, other in items[i + 1 :]
        if one.overlaps(other)
    ]


def _prefix(cidr: str) -> int:
    return ipaddress.IPv4Network(cidr).prefixlen


class EksNetwork(Model):
    """The VPC of an EKS cluster: a private and a public subnet in each zone.

    Attributes:
        cidr: Range of the VPC.
        service_cidr: Range of the cluster's Services; it lives inside the cluster alone.
        nat: `one` NAT gateway for all zones (cheaper) or one `per-zone` (survives the loss of a zone).
        flow_logs: Whether refused connections are logged.
    """

    cidr: PrivateCidr = "10.20.0.0/16"
    service_cidr: PrivateCidr = "172.20.0.0/16"
    nat: Literal["one", "per-zone"] = "one"
    flow_logs: bool = False

    @model_validator(mode="after")
    def _room(self) -> Self:
        if not VPC_SHORTEST_PREFIX <= _prefix(self.cidr) <= VPC_LONGEST_PREFIX:
            raise ValueError(
                f"cidr ({self.cidr}) must be between /{VPC_SHORTEST_PREFIX} and /{VPC_LONGEST_PREFIX}: each zone gets "
                "an eighth of it"
            )
        # https://docs.aws.amazon.com/eks/latest/APIReference/API_KubernetesNetworkConfigRequest.html
        if not 12 <= _prefix(self.service_cidr) <= 24:
            raise ValueError(f"serviceCidr ({self.service_cidr}) must be between /12 and /24")
        if overlaps({"cidr": self.cidr, "serviceCidr": self.service_cidr}):
            raise ValueError(f"cidr ({self.cidr}) and serviceCidr ({self.service_cidr}) must not overlap")
        return self


class GkeNetwork(Model):
    """The VPC network of a GKE cluster.

    Attributes:
        nodes: Range of the subnet that nodes and load balancers live in.
        pods: Secondary range of the pods; each node takes a /24 of it.
        services: Secondary range of the Services.
        control_plane: Range of the control plane's private endpoint, a /28.
        databases: Range that Google puts managed databases in.
        flow_logs: Whether connections of the subnet are logged (sampled).
    """

    nodes: PrivateCidr = "10.40.0.0/20"
    pods: PrivateCidr = "10.44.0.0/14"
    services: PrivateCidr = "10.48.0.0/20"
    control_plane: Annotated[PrivateCidr, text("private IPv4 range", "172.16.0.16/28")] = "172.16.0.0/28"
    databases: PrivateCidr = "10.49.0.0/20"
    flow_logs: bool = False

    @model_validator(mode="after")
    def _room(self) -> Self:
        if _prefix(self.control_plane) != CONTROL_PLANE_PREFIX:
            raise ValueError(f"controlPlane ({self.control_plane}) must be a /{CONTROL_PLANE_PREFIX}")
        ranges = {
            "nodes": self.nodes,
            "pods": self.pods,
            "services": self.services,
            "controlPlane": self.control_plane,
            "databases": self.databases,
        }
        for first, second in overlaps(ranges):
            raise ValueError(f"{first} ({ranges[first]}) and {second} ({ranges[second]}) must not overlap")
        if _prefix(self.databases) > SMALLEST_DATABASE_PREFIX:
            raise ValueError(f"databases ({self.databases}) must be at least a /{SMALLEST_DATABASE_PREFIX}")
        if _prefix(self.services) > 24:
            raise ValueError(f"services ({self.services}) must be at least a /24: each Service takes an address")
        return self
