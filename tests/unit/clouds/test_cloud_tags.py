"""Tags and labels: everything that takes them says its project, stack, owner, lifecycle and system."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.foundation.tags import label_value
from ops.render.placeholders import output_types
from policies.check import stack_of
from policies.clouds import TAGGED
from policies.model import COMMON_TAGS

Plan = dict[str, Any]
KEYS = {*COMMON_TAGS, "system"}
LASTING = {"project", "stack", "system"}
"""What may stand where a change makes nodes anew."""
# `labels` of these are something else, or the provider's own labels do not apply.
NOT_LABELS = {"gcp:container/nodePool:NodePool", "gcp:sql/databaseInstance:DatabaseInstance"}


@pytest.fixture(params=["durable_plan", "ephemeral_plan"])
def plan(request: pytest.FixtureRequest) -> Plan:
    return request.getfixturevalue(request.param)


def takes_tags(kind: str) -> bool:
    """Whether the provider's SDK says that a type takes tags or labels."""
    return bool({"tags", "labels", "resourceLabels"} & set(output_types(kind))) and kind not in NOT_LABELS


def test_every_taggable_resource_is_tagged_and_known_to_the_policy(plan: Plan) -> None:
    stack = stack_of(plan)
    clouds = [r for r in stack.resources.values() if r.package in ("aws", "gcp") and takes_tags(r.type)]
    assert len(clouds) > 50
    assert {r.name: sorted(KEYS - set(stack.tags(r))) for r in clouds if not set(stack.tags(r)) >= KEYS} == {}
    assert {r.type for r in clouds} - TAGGED == set()


def test_what_the_providers_do_not_reach_is_tagged_too(plan: Plan) -> None:
    by_name = {r.name: r for r in stack_of(plan).resources.values()}
    template = by_name["staging-node-template"]
    kinds = {spec["resourceType"] for spec in template.at("tagSpecifications")}
    assert kinds == {"instance", "volume", "network-interface"}
    assert all(set(spec["tags"]) == {*LASTING, "Name"} for spec in template.at("tagSpecifications"))
    driver = json.loads(by_name["staging-aws-ebs-csi-driver"].at("configurationValues"))
    assert set(driver["controller"]["extraVolumeTags"]) >= KEYS
    balancer = by_name["staging-traefik-service"].at("metadata", "annotations")
    spread = balancer["service.beta.kubernetes.io/aws-load-balancer-additional-resource-tags"]
    assert {pair.split("=")[0] for pair in spread.split(",")} >= KEYS
    assert set(by_name["nginx-asia-cluster"].at("resourceLabels")) >= KEYS
    assert set(by_name["nginx-asia-node-pool"].at("nodeConfig", "resourceLabels")) == LASTING
    assert set(by_name["mysql-database-instance"].at("settings", "userLabels")) >= KEYS


def test_the_state_bucket_says_its_own_lifecycle(ephemeral_plan: Plan) -> None:
    stack = stack_of(ephemeral_plan)
    by_name = {r.name: r for r in stack.resources.values()}
    assert stack.tags(by_name["state-store"])["lifecycle"] == "durable"
    assert stack.tags(by_name["staging-vpc"])["lifecycle"] == "ephemeral"


@pytest.mark.parametrize(("text", "label"), [("Team A/b", "team-a-b"), ("x" * 70, "x" * 63), ("ok_1-2", "ok_1-2")])
def test_label_values(text: str, label: str) -> None:
    assert label_value(text) == label
