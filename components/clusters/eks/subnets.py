"""How the range of a VPC is cut into subnets."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PRIVATE_BITS = 3
"""A private subnet is an eighth of the VPC: pods live there, each with an address of its own."""
PUBLIC_BITS = 2
"""A public subnet is a quarter of the last eighth: only NAT gateways and load balancers live there."""
ZONE_LIMIT = 4
"""Zones that a VPC has room for: the eighths between are left for what comes later."""


@dataclass(frozen=True)
class ZoneRanges:
    """The two subnets of a zone.

    Attributes:
        zone: Availability zone, for example `ap-northeast-1a`.
        suffix: What follows the region in it, for names.
        private: Range of the private subnet.
        public: Range of the public subnet.
    """

    zone: str
    suffix: str
    private: str
    public: str


def subnet_ranges(cidr: str, zones: Sequence[str]) -> list[ZoneRanges]:
    """Cut the range of a VPC.

    Args:
        cidr: Range of the VPC.
        zones: Availability zones, at most four. Appending one leaves the others' ranges as they are.

    Returns:
        The subnets of each zone, in the order given.

    Raises:
        ValueError: There are too many zones, or the range is too small.
    """
    if len(zones) > ZONE_LIMIT:
        raise ValueError(f"{len(zones)} zones do not fit: a VPC is cut for at most {ZONE_LIMIT}")
    eighths = list(ipaddress.IPv4Network(cidr).subnets(prefixlen_diff=PRIVATE_BITS))
    public = list(eighths[-1].subnets(prefixlen_diff=PUBLIC_BITS))
    return [
        ZoneRanges(zone=zone, suffix=zone.rsplit("-", 1)[-1], private=str(eighths[i]), public=str(public[i]))
        for i, zone in enumerate(zones)
    ]
