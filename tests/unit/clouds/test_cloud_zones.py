"""Zones of an EKS cluster: added, removed and reordered without moving a range or asking AWS for other zones."""

from __future__ import annotations

import ipaddress
import itertools
from functools import cache
from typing import Any

import pytest

from components.clusters.eks.subnets import ZONE_LETTERS, subnet_ranges
from ops.render.program import PROJECT_DIR, render_config
from stacks.stack_file import read_stack_config
from tests.support.cases import changed, tree

CIDR = "10.20.0.0/16"


@cache
def plan(letters: str, nat: str = "one") -> dict[str, dict[str, Any]]:
    """Prod with its EKS cluster in other zones: logical name to custom resource."""
    config = read_stack_config(PROJECT_DIR, "prod")
    clusters = tree(config, "clusters")
    clusters["staging"] |= {"zones": [f"ap-northeast-1{letter}" for letter in letters], "network": {"nat": nat}}
    resources = render_config(changed(config, clusters=clusters)).plan["resources"]
    return {entry["name"]: entry for entry in resources if entry["custom"]}


def ranges(letters: str) -> dict[str, str]:
    return {
        name: entry["inputs"]["cidrBlock"]
        for name, entry in plan(letters).items()
        if entry["type"] == "aws:ec2/subnet:Subnet"
    }


def test_no_order_and_no_choice_of_zones_moves_a_range() -> None:
    places = {zone.zone: zone for zone in subnet_ranges(CIDR, ZONE_LETTERS)}
    for zones in itertools.chain(itertools.permutations("acd"), itertools.combinations(ZONE_LETTERS, 2)):
        assert subnet_ranges(CIDR, zones) == [places[zone] for zone in sorted(zones)]


@pytest.mark.parametrize("cidr", [CIDR, "10.20.0.0/21"])
def test_the_ranges_do_not_overlap_and_lie_in_the_vpc(cidr: str) -> None:
    cut = [ipaddress.IPv4Network(r) for zone in subnet_ranges(cidr, ZONE_LETTERS) for r in (zone.private, zone.public)]
    assert all(part.subnet_of(ipaddress.IPv4Network(cidr)) for part in cut)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(cut, 2))
    # A load balancer wants eight free addresses, of which AWS keeps five of each subnet.
    assert min(part.num_addresses for part in cut) >= 8 + 5


def test_the_control_plane_stays_in_its_zones() -> None:
    """AWS: all subnets that are added must be in the zones that the cluster was made in."""
    for letters, used in (("ac", "ac"), ("acd", "ac"), ("dac", "ad")):
        cluster = plan(letters)["staging-cluster"]
        subnets = [f"${{staging-private-1{letter}.id}}" for letter in used]
        assert cluster["inputs"]["vpcConfig"]["subnetIds"] == subnets
        # Whatever the first zones are later: the cluster that is there keeps what it was made with.
        assert "vpcConfig.subnetIds" in cluster["options"]["ignoreChanges"]
        protected = {name for name, entry in plan(letters).items() if "-private-" in name and entry["protect"]}
        assert protected == {f"staging-private-1{letter}" for letter in used}


def test_further_zones_serve_nodes_and_databases() -> None:
    subnets = [f"${{staging-private-1{letter}.id}}" for letter in "acd"]
    for name in ("staging-node-group", "postgres-database-subnets"):
        assert plan("acd")[name]["inputs"]["subnetIds"] == subnets
        # The order is not AWS's business, so it is none of the plan's.
        assert plan("dac")[name]["inputs"]["subnetIds"] == subnets


def test_subnets_stay_when_zones_come_go_and_change_places() -> None:
    assert ranges("ac").items() <= ranges("acd").items()
    assert ranges("acd") == ranges("dac")


def test_one_nat_gateway_stays_where_it_is_when_a_zone_is_appended() -> None:
    assert [name for name in plan("cda") if name.startswith("staging-nat-1") and "address" not in name] == [
        "staging-nat-1c"
    ]
    many = plan("acd", "per-zone")
    for letter in "acd":
        route = many[f"staging-private-1{letter}-internet"]["inputs"]
        assert route["natGatewayId"] == f"${{staging-nat-1{letter}.id}}"
        assert many[f"staging-nat-1{letter}"]["inputs"]["subnetId"] == f"${{staging-public-1{letter}.id}}"
