"""The policy rules: every stack keeps them, and each is broken by a change that it is there for."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from policies.check import RULES, violations
from policies.kubernetes import LEVEL
from policies.model import Unknown
from tests.support import cases
from tests.unit.clouds.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Callable

Plan = dict[str, Any]


@pytest.mark.parametrize("stack", cases.stack_names())
def test_every_stack_keeps_every_rule(stack: str) -> None:
    assert violations(cases.rendered(stack).plan) == []


def test_a_tutorial_environment_keeps_them(ephemeral_plan: Plan) -> None:
    assert violations(ephemeral_plan) == []


def set_at(name: str, *path: str | int, to: Any) -> Callable[[Plan], None]:
    """A change of one input."""

    def change(plan: Plan) -> None:
        target: Any = Graph(plan).named(name)["inputs"]
        for part in path[:-1]:
            target = target[part]
        target[path[-1]] = to

    return change


def without(name: str) -> Callable[[Plan], None]:
    """A resource that is left out."""

    def change(plan: Plan) -> None:
        urn = Graph(plan).named(name)["urn"]
        plan["resources"] = [entry for entry in plan["resources"] if entry["urn"] != urn]

    return change


def unprotected(name: str) -> Callable[[Plan], None]:
    """A resource without protection."""

    def change(plan: Plan) -> None:
        Graph(plan).named(name)["protect"] = False

    return change


def default_provider(name: str) -> Callable[[Plan], None]:
    """A resource of a default provider."""

    def change(plan: Plan) -> None:
        Graph(plan).named(name)["provider"] = "urn:pulumi:prod::slipway::pulumi:providers:aws::default_7_51_1"

    return change


def untagged_provider(plan: Plan) -> None:
    """A provider without common tags."""
    del Graph(plan).named("tokyo-aws")["inputs"]["defaultTags"]


POD = ("spec", "template", "spec")
FIRST = (*POD, "containers", 0)
BREAKS: list[tuple[str, Callable[[Plan], None]]] = [
    ("private-buckets", set_at("state-public-access", "blockPublicPolicy", to=False)),
    ("private-buckets", without("state-public-access")),
    ("private-buckets", without("state-encryption")),
    ("tls-only-buckets", without("state-tls-only")),
    ("private-buckets", set_at("state-versioning", "versioningConfiguration", "status", to="Suspended")),
    ("private-buckets", set_at("state-store", "acl", to="public-read")),
    ("encryption-at-rest", set_at("postgres-database-instance", "storageEncrypted", to=False)),
    ("encryption-at-rest", set_at("staging-cluster", "encryptionConfig", to=None)),
    ("encryption-at-rest", set_at("nginx-asia-cluster", "databaseEncryption", "state", to="DECRYPTED")),
    (
        "encryption-at-rest",
        set_at("staging-node-template", "blockDeviceMappings", 0, "ebs", "encrypted", to="false"),
    ),
    ("encryption-at-rest", set_at("staging-storage-class", "parameters", "encrypted", to="false")),
    ("no-open-networks", set_at("postgres-database-from-nodes", "cidrIpv4", to="0.0.0.0/0")),
    ("no-open-networks", set_at("postgres-database-from-nodes", "cidrIpv6", to="::/0")),
    (
        "no-open-networks",
        set_at("staging-default-security-group", "ingress", to=[{"cidrBlocks": ["0.0.0.0/0"], "fromPort": 22}]),
    ),
    ("no-open-networks", set_at("staging-public-1a", "mapPublicIpOnLaunch", to=True)),
    ("no-open-eks-api", set_at("staging-cluster", "vpcConfig", "publicAccessCidrs", to=["0.0.0.0/0"])),
    ("no-open-eks-api", set_at("staging-cluster", "vpcConfig", "publicAccessCidrs", to=None)),
    ("no-open-eks-api", set_at("staging-cluster", "vpcConfig", "endpointPrivateAccess", to=False)),
    (
        "no-open-gke-api",
        set_at("nginx-asia-cluster", "masterAuthorizedNetworksConfig", "cidrBlocks", to=[{"cidrBlock": "0.0.0.0/0"}]),
    ),
    ("no-open-gke-api", set_at("nginx-asia-cluster", "masterAuthorizedNetworksConfig", to=None)),
    ("no-open-gke-api", set_at("nginx-asia-cluster", "privateClusterConfig", "enablePrivateNodes", to=False)),
    ("private-databases", set_at("postgres-database-instance", "publiclyAccessible", to=True)),
    ("private-databases", set_at("mysql-database-instance", "settings", "ipConfiguration", "ipv4Enabled", to=True)),
    ("metadata-service", set_at("staging-node-template", "metadataOptions", "httpPutResponseHopLimit", to=2)),
    ("metadata-service", set_at("staging-node-template", "metadataOptions", "httpTokens", to="optional")),
    ("tags", set_at("staging-vpc", "tags", to={})),
    ("tags", untagged_provider),
    ("protection", unprotected("state-store")),
    ("protection", unprotected("staging-cluster")),
    ("protection", unprotected("k8s-sub-zone")),
    ("protection", set_at("nginx-asia-cluster", "deletionProtection", to=False)),
    ("protection", set_at("postgres-database-instance", "deletionProtection", to=False)),
    ("protection", set_at("state-store", "forceDestroy", to=True)),
    ("explicit-providers", default_provider("staging-private-1a-association")),
    ("immutable-images", set_at("tokyo-h2o", "imageTagMutability", to="MUTABLE")),
    ("immutable-images", set_at("tokyo-h2o", "imageScanningConfiguration", "scanOnPush", to=False)),
    ("immutable-images", set_at("asia-repository", "dockerConfig", "immutableTags", to=False)),
    ("pods", set_at("nginx-deployment", *POD, "hostNetwork", to=True)),
    ("pods", set_at("nginx-deployment", *POD, "hostPID", to=True)),
    ("pods", set_at("nginx-deployment", *POD, "volumes", to=[{"name": "x", "hostPath": {"path": "/etc"}}])),
    ("pods", set_at("nginx-deployment", *POD, "automountServiceAccountToken", to=True)),
    ("containers", set_at("nginx-deployment", *FIRST, "securityContext", "privileged", to=True)),
    ("containers", set_at("nginx-deployment", *FIRST, "securityContext", "allowPrivilegeEscalation", to=True)),
    ("containers", set_at("nginx-deployment", *FIRST, "securityContext", "capabilities", to={"add": ["NET_ADMIN"]})),
    ("containers", set_at("nginx-deployment", *FIRST, "securityContext", "readOnlyRootFilesystem", to=False)),
    ("containers", set_at("nginx-deployment", *FIRST, "resources", to={})),
    ("fixed-images", set_at("nginx-deployment", *FIRST, "image", to="docker.io/library/nginx:latest")),
    ("fixed-images", set_at("nginx-deployment", *FIRST, "image", to="localhost:5000/nginx")),
    ("namespaces", set_at("nginx-namespace", "metadata", "labels", to={})),
    ("namespaces", set_at("nginx-namespace", "metadata", "labels", LEVEL, to="privileged")),
]


@pytest.mark.parametrize(("rule", "change"), BREAKS, ids=[f"{rule}-{i}" for i, (rule, _) in enumerate(BREAKS)])
def test_a_change_for_the_worse_is_found(durable_plan: Plan, rule: str, change: Callable[[Plan], None]) -> None:
    plan = copy.deepcopy(durable_plan)
    change(plan)
    assert {violation.rule for violation in violations(plan)} == {rule}


def test_what_a_preview_cannot_know_is_left_undecided(durable_plan: Plan) -> None:
    """An unknown value is no violation, and hides none of another resource."""
    plan = copy.deepcopy(durable_plan)
    set_at("state-tls-only", "policy", to=Unknown())(plan)
    set_at("staging-node-template", "metadataOptions", to=Unknown())(plan)
    set_at("postgres-database-instance", "storageEncrypted", to=Unknown())(plan)
    assert violations(plan) == []
    set_at("staging-storage-class", "parameters", "encrypted", to="false")(plan)
    assert [violation.resource for violation in violations(plan)] == ["staging-storage-class"]


def test_every_rule_has_a_change_that_breaks_it() -> None:
    assert {rule for rule, _ in BREAKS} == {rule.name for rule in RULES}
