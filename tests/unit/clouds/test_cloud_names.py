"""Names at the clouds: the table of limits is complete, every name fits, and what would not is refused in settings."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from ops.render.placeholders import resource_class
from ops.render.program import render_config
from stacks.settings import parse
from stacks.settings.limits import LIMITS
from stacks.settings.names import made_names
from tests.unit.clouds.names import base_tree, clouds_of, config_of, misfits, names_in, problems_of, with_everything
from tests.unit.clouds.test_cloud_settings import BASE

Plan = dict[str, Any]
Tree = dict[str, Any]
# Types that are given no name or text of ours: what they hold is fixed, or the name of something else.
NAMELESS = frozenset(
    {
        "aws:acm/certificateValidation:CertificateValidation",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:ec2/eip:Eip",
        "aws:ec2/flowLog:FlowLog",
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/natGateway:NatGateway",
        "aws:ec2/route:Route",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:ec2/subnet:Subnet",
        "aws:ec2/vpc:Vpc",
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        "aws:ecr/repositoryPolicy:RepositoryPolicy",
        "aws:eks/accessEntry:AccessEntry",
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        "aws:eks/addon:Addon",
        "aws:iam/accessKey:AccessKey",
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:iam/userPolicyAttachment:UserPolicyAttachment",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketVersioning:BucketVersioning",
        "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
        "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember",
        "gcp:projects/iAMMember:IAMMember",
        "gcp:projects/service:Service",
        "gcp:projects/serviceIdentity:ServiceIdentity",
        "gcp:servicenetworking/connection:Connection",
    }
)
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


@pytest.mark.parametrize("name", ["durable_plan", "ephemeral_plan", "everything_plan"])
def test_every_type_is_in_the_table(request: pytest.FixtureRequest, name: str) -> None:
    used = {entry["type"] for entry in clouds_of(request.getfixturevalue(name))}
    assert used - LIMITS.keys() - NAMELESS == set()
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


def test_the_table_has_no_row_for_nothing(durable_plan: Plan, ephemeral_plan: Plan, everything_plan: Plan) -> None:
    used = {entry["type"] for plan in (durable_plan, ephemeral_plan, everything_plan) for entry in clouds_of(plan)}
    assert (LIMITS.keys() | NAMELESS) - used == set()


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
    tree = with_everything()
    settings = parse(config_of(tree, "prod").values, project="slipway", source="test", stack="prod")
    known = {(made.input, made.name) for made in made_names(settings, "slipway", "prod")}
    there = {(where, text) for _, where, text in names_in(everything_plan) if where not in FIXED | ELSEWHERE}
    assert there - known == set()
    # A name that no resource gets would refuse settings for nothing; roles of options that are off are the exception.
    for where, text in known - there - {(where, text) for where, text in known if where in FIXED | ELSEWHERE}:
        assert any(
            part in text
            for part in ("autoscaler", "ssh", "flow-log", "deployer-", "-state-", "databases-zone", "services-range")
        ), (
            where,
            text,
        )


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
    assert problems_of(tree, "prod") == {}
    assert misfits(render_config(config_of(tree, "prod")).plan) == []


@pytest.mark.parametrize(("part", "old", "most", "kind"), LONGEST)
def test_the_next_longer_name_is_refused(part: str, old: str, most: int, kind: str) -> None:
    longer = "n" * (most + 1)
    told = problems_of(renamed(part, old, longer), "prod")
    path = f"{part}.{longer}"
    assert path in told
    if kind:
        assert f"use at most {most} characters" in told[path]


def base(path: str, value: Any) -> Tree:
    tree = base_tree()
    *parents, last = path.split("/")
    target: Any = tree
    for parent in parents:
        target = target[parent]
    target[last] = value
    return tree


REFUSED: list[tuple[Tree, str, str, str]] = [
    (renamed("clusters", "nginx-asia", "2nd"), "prod", "clusters.2nd", "a lower-case letter first"),
    (renamed("databases", "postgres", "2nd"), "prod", "databases.2nd", "a letter first"),
    (renamed("databases", "postgres", "a--b"), "prod", "databases.a--b", "single '-'"),
    (renamed("databases", "mysql", "2nd"), "prod", "databases.2nd", "a lower-case letter first"),
    (renamed("databases", "postgres", "sg-1"), "prod", "databases.sg-1", "not starting with sg-"),
    (base("registries/tokyo/images", ["a--b"]), "prod", "registries.tokyo.images.0", "single '-'"),
    (base("registries/asia/repository", "1st"), "prod", "registries.asia.repository", "a lower-case letter first"),
    (base("databases/postgres/user", "u" * 17), "prod", "databases.postgres.user", "use at most 16 characters"),
    (base("databases/mysql/user", "u" * 32), "prod", "", ""),
    (base("deployers/asia/github", "o/" + "r" * 100), "p" * 17, "deployers.asia.github", "at most 127 characters"),
    (base("deployers/asia/environment", "e" * 100), "prod", "deployers.asia.github", "use at most"),
    (base("state/bucket", "a.-b"), "prod", "", ""),
    (base("state/bucket", "x.s3.y"), "prod", "", ""),
    ({**BASE}, "prod.eu", "stack", "at AWS, which must have"),
    ({**BASE}, "prod_eu", "stack", "single '-'"),
    ({**BASE}, "prod--eu", "stack", "single '-'"),
    ({**BASE}, "p" * 64, "stack", "at most 63 characters"),
    ({**BASE}, "prod-", "stack", "choose another stack name"),
]


@pytest.mark.parametrize(("tree", "stack", "where", "remedy"), REFUSED)
def test_what_a_cloud_would_refuse_is_refused_here(tree: Tree, stack: str, where: str, remedy: str) -> None:
    told = problems_of(tree, stack)
    if not where:
        assert told == {}
        return
    assert list(told) == [where], told
    assert remedy in told[where]


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
    told = problems_of(tree, "prod")
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
        tree["clusters"][f"c{i}"] = {**BASE["clusters"]["nginx-asia"], "network": cidrs}
        tree["deployers"][f"d{i}"] = {"cluster": f"c{i}", "github": f"owner/{'r' * 95}{i}"}
    told = problems_of(tree, "p")
    assert "at most 4096 characters" in told["clouds.asia"]
