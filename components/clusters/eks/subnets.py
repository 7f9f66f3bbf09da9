"""How the range of a VPC is cut into subnets."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ZONE_LETTERS = "abcdef"
"""Last letters of the names of AWS's zones. Each has its place in the VPC, whichever zones a cluster has: adding,
removing or reordering zones moves no range."""
EIGHTH_BITS = 3
"""A private subnet is an eighth of the VPC: pods live there, each with an address of its own. A public one is an eighth
of the last eighth: only NAT gateways and load balancers live there."""


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
        zones: Availability zones.

    Returns:
        The subnets of each zone, in the order of their letters.

    Raises:
        ValueError: A zone has a letter that no place is kept for, or the range is too small.
    """
    eighths = list(ipaddress.IPv4Network(cidr).subnets(prefixlen_diff=EIGHTH_BITS))
    public = list(eighths[-1].subnets(prefixlen_diff=EIGHTH_BITS))
    places = {zone: ZONE_LETTERS.index(zone[-1]) for zone in sorted(zones)}
    return [
        ZoneRanges(zone=zone, suffix=zone.rsplit("-", 1)[-1], private=str(eighths[place]), public=str(public[place]))
        for zone, place in places.items()
    ]
