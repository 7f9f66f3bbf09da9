"""Names at the clouds: the table of limits is complete, every name fits, and what would not is refused in settings."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from ops.render.placeholders import resource_class
from ops.render.program import render_config
from stacks.settings.limits import LIMITS
from stacks.settings.names import made_names
from tests.support.settings import CLOUDS, accept, problems, with_values
from tests.unit.clouds.names import base_tree, clouds_of, config_of, misfits, names_in, with_everything

Plan = dict[str, Any]
Tree = dict[str, Any]
# Types that are given no name or text of ours: what they hold is fixed, or the name of something else.
NAMELESS_CLASSES = {
    "aws:acm": "CertificateValidation",
    "aws:ec2": "DefaultSecurityGroup Eip FlowLog InternetGateway NatGateway Route RouteTable RouteTableAssociation "
    "Subnet Vpc VpcEndpoint",
    "aws:ecr": "LifecyclePolicy RepositoryPolicy",
    "aws:eks": "AccessEntry PodIdentityAssociation AccessPolicyAssociation Addon",
    "aws:iam": "AccessKey OpenIdConnectProvider RolePolicyAttachment UserPolicyAttachment",
    "aws:s3": "BucketLifecycleConfiguration BucketOwnershipControls BucketPolicy BucketPublicAccessBlock "
    "BucketServerSideEncryptionConfiguration BucketVersioning",
    "gcp:artifactregistry": "RepositoryIamMember",
    "gcp:kms": "CryptoKeyIAMMember",
    "gcp:projects": "IAMMember Service ServiceIdentity",
    "gcp:servicenetworking": "Connection",
}
NAMELESS = {
    f"{module}/{name[0].lower()}{name[1:]}:{name}"
    for module, names in NAMELESS_CLASSES.items()
    for name in names.split()
}
# Inputs whose text no setting decides.
FIXED = {
    "aws:ec2/launchTemplate:LaunchTemplate.description",
    "aws:ec2/securityGroup:SecurityGroup.description",
    "aws:kms/key:Key.description",
    "aws:route53/zone:Zone.comment",
    "aws:s3/bucketObjectv2:BucketObjectv2.key",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule.description",
    "gcp:certificatemanager/dnsAuthorization:DnsAuthorization.name",
    "gcp:dns/managedZone:ManagedZone.description",
    "gcp:iam/workloadIdentityPool:WorkloadIdentityPool.displayName",
    "gcp:iam/workloadIdentityPool:WorkloadIdentityPool.workloadIdentityPoolId",
    "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider.workloadIdentityPoolProviderId",
    "gcp:projects/iAMCustomRole:IAMCustomRole.roleId",
    "gcp:projects/iAMCustomRole:IAMCustomRole.title",
    "gcp:serviceaccount/account:Account.displayName",
}
# Held by other rules: hosts of apps lie inside zones and are host names; a group's log is named after its cluster.
ELSEWHERE = {
    "aws:acm/certificate:Certificate.domainName",
    "aws:route53/record:Record.name",
    "aws:cloudwatch/logGroup:LogGroup.name",
}


def renamed(part: str, old: str, new: str, tree: Tree | None = None) -> Tree:
    """The base, or another tree, with an entry renamed, and whoever refers to it."""
    tree = tree or base_tree()
    tree[part] = {new if name == old else name: entry for name, entry in tree[part].items()}
    for users in ("databases", "deployers"):
        for entry in tree[users].values():
            if part == "clusters" and entry["cluster"] == old:
                entry["cluster"] = new
    return tree


@pytest.fixture(scope="module")
def everything_plan() -> Plan:
    """The base with every option that gives a name of its own."""
    return render_config(config_of(with_everything(), "prod")).plan


def test_every_type_is_in_the_table_and_no_other(
    durable_plan: Plan, ephemeral_plan: Plan, everything_plan: Plan
) -> None:
    used = {entry["type"] for plan in (durable_plan, ephemeral_plan, everything_plan) for entry in clouds_of(plan)}
    assert used == LIMITS.keys() | NAMELESS
    assert LIMITS.keys() & NAMELESS == set()


def test_every_name_is_in_the_table(everything_plan: Plan) -> None:
    """What the program gives, and what a provider makes of the logical name, by the arguments that the SDK has."""
    missing: set[str] = set()
    for kind in {entry["type"] for entry in clouds_of(everything_plan)}:
        arguments = inspect.signature(getattr(resource_class(kind), "_internal_init")).parameters  # noqa: B009 - it is the SDK's own
        names = {key: key.title().replace("_", "") for key in ("identifier", "key_name", "name", "node_group_name")}
        inputs = {name[0].lower() + name[1:] for key, name in names.items() if key in arguments}
        missing |= {f"{kind}.{name}" for name in inputs - LIMITS.get(kind, {}).keys()}
    assert missing == {"aws:ec2/launchTemplate:LaunchTemplate.keyName"}  # that of the key pair, which is in the table


def test_every_row_has_a_source() -> None:
    for kind, inputs in LIMITS.items():
        for limit in inputs.values():
            assert limit.source.startswith(
                ("https://docs.aws.amazon.com/", "https://cloud.google.com/", "https://dev.")
            ), kind
            assert limit.says


@pytest.mark.parametrize("name", ["durable_plan", "ephemeral_plan", "everything_plan"])
def test_every_name_fits(request: pytest.FixtureRequest, name: str) -> None:
    plan = request.getfixturevalue(name)
    assert len(list(names_in(plan))) > 50
    assert misfits(plan) == []


def test_settings_know_every_name_that_they_decide(everything_plan: Plan) -> None:
    """What components call their resources, and what the rules think that they do."""
    settings = accept(with_everything(), "prod")
    known = {(made.input, made.name) for made in made_names(settings, "slipway", "prod")}
    there = {(where, text) for _, where, text in names_in(everything_plan) if where not in FIXED | ELSEWHERE}
    assert there - known == set()
    # A name that no resource gets would refuse settings for nothing; roles of options that are off are the exception.
    off = ("autoscaler", "ssh", "flow-log", "deployer-", "-state-", "databases-zone", "services-range")
    surplus = [(where, text) for where, text in known - there if where not in FIXED | ELSEWHERE]
    assert [(where, text) for where, text in surplus if not any(part in text for part in off)] == []


# Part, entry, most characters of its name.
LONGEST = [
    ("clusters", "nginx-asia", 22, "nodePool"),
    ("clusters", "staging", 37, "Role"),
    ("databases", "postgres", 37, "Instance"),
    ("databases", "mysql", 40, ""),
    ("deployers", "asia", 23, "Account"),
    ("deployers", "tokyo", 40, ""),
]


def test_the_longest_names_are_taken() -> None:
    tree = base_tree()
    for part, old, most, _ in LONGEST:
        tree = renamed(part, old, old[0] * most, tree)
    assert problems(tree, "prod") == {}
    assert misfits(render_config(config_of(tree, "prod")).plan) == []


@pytest.mark.parametrize(("part", "old", "most", "kind"), LONGEST)
def test_the_next_longer_name_is_refused(part: str, old: str, most: int, kind: str) -> None:
    longer = "n" * (most + 1)
    told = problems(renamed(part, old, longer), "prod")
    path = f"{part}.{longer}"
    assert path in told
    if kind:
        assert f"use at most {most} characters" in told[path]


def base(path: str, value: Any) -> Tree:
    return with_values({path: value}, base_tree())


REFUSED: list[tuple[Tree, str, str]] = [
    (renamed("clusters", "nginx-asia", "2nd"), "clusters.2nd", "a lower-case letter first"),
    (renamed("databases", "postgres", "2nd"), "databases.2nd", "a letter first"),
    (renamed("databases", "postgres", "a--b"), "databases.a--b", "single '-'"),
    (renamed("databases", "mysql", "2nd"), "databases.2nd", "a lower-case letter first"),
    (renamed("databases", "postgres", "sg-1"), "databases.sg-1", "not starting with sg-"),
    (base("registries.tokyo.images", ["a--b"]), "registries.tokyo.images.0", "single '-'"),
    (base("registries.asia.repository", "1st"), "registries.asia.repository", "a lower-case letter first"),
    (base("databases.postgres.user", "u" * 17), "databases.postgres.user", "use at most 16 characters"),
    (base("deployers.asia.environment", "e" * 100), "deployers.asia.github", "use at most"),
]
REFUSED_STACKS = [
    ("p" * 17, "deployers.asia.github", "at most 127 characters"),
    ("prod.eu", "stack", "at AWS, which must have"),
    ("prod_eu", "stack", "single '-'"),
    ("prod--eu", "stack", "single '-'"),
    ("p" * 64, "stack", "at most 63 characters"),
    ("prod-", "stack", "choose another stack name"),
]


@pytest.mark.parametrize(("tree", "where", "remedy"), REFUSED)
def test_what_a_cloud_would_refuse_is_refused_here(tree: Tree, where: str, remedy: str) -> None:
    told = problems(tree, "prod")
    assert list(told) == [where]
    assert remedy in told[where]


@pytest.mark.parametrize(("stack", "where", "remedy"), REFUSED_STACKS)
def test_a_stack_whose_name_is_too_much_for_a_cloud_is_refused(stack: str, where: str, remedy: str) -> None:
    told = problems(base("deployers.asia.github", "o/" + "r" * 100) if stack == "p" * 17 else CLOUDS, stack)
    assert list(told) == [where]
    assert remedy in told[where]


@pytest.mark.parametrize(
    ("path", "value"), [("databases.mysql.user", "u" * 32), ("state.bucket", "a.-b"), ("state.bucket", "x.s3.y")]
)
def test_what_a_cloud_takes_is_taken(path: str, value: str) -> None:
    assert problems(base(path, value), "prod") == {}


def test_the_same_thing_is_not_made_twice() -> None:
    tree = base_tree()
    tree["clusters"]["staging"]["dnsName"] = "a.example.com"
    other = {**tree["clusters"]["staging"], "dnsName": "a-example.com", "network": {"cidr": "10.60.0.0/16"}}
    tree["clusters"]["second"] = other
    tree["registries"]["more"] = {"kind": "ecr", "cloud": "tokyo", "images": ["h2o"]}
    # Logical names: tokyo-a and image b, tokyo and image a-b.
    tree["registries"]["tokyo"]["images"] = ["h2o", "a-b"]
    tree["registries"]["tokyo-a"] = {"kind": "ecr", "cloud": "tokyo", "prefix": "else", "images": ["b"]}
    tree["registries"]["asia-2"] = {"kind": "artifact-registry", "cloud": "asia"}
    told = problems(tree, "prod")
    assert told.keys() == {
        "clusters.second.dnsName",
        "registries.more.images.0",
        "registries.tokyo-a.images.0",
        "registries.asia-2.repository",
    }
    assert "makes the same EKS cluster as clusters.staging.dnsName" in told["clusters.second.dnsName"]


def test_too_many_repositories_for_one_condition_are_refused() -> None:
    tree = {key: value for key, value in base_tree().items() if key != "databases"}
    for i in range(45):
        cidrs = {
            "nodes": f"10.{100 + i}.0.0/24",
            "pods": f"10.{150 + i}.0.0/18",
            "services": f"172.{16 + i % 15}.0.0/24",
        }
        cidrs |= {"controlPlane": f"192.168.{i}.0/28", "databases": f"100.{64 + i}.0.0/24"}
        tree["clusters"][f"c{i}"] = {**CLOUDS["clusters"]["nginx-asia"], "network": cidrs}
        tree["deployers"][f"d{i}"] = {"cluster": f"c{i}", "github": f"owner/{'r' * 95}{i}"}
    told = problems(tree, "p")
    assert "at most 4096 characters" in told["clouds.asia"]
