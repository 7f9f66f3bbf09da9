"""Least privilege: the deployers' policies evaluated against what they must and must not be able to do."""

from __future__ import annotations

import fnmatch
import json
from typing import Any, cast

import pytest

from tests.unit.clouds.graph import Graph

Plan = dict[str, Any]
ROLE = "${tokyo-deployer-role.arn}"
REPOSITORY = "${tokyo-h2o.arn}"
OBJECT = "${state-store.arn}/kubeconfigs/staging.json"
STATE = "${state-store.arn}/.pulumi"
KEY = "${state-key.arn}"
ADMIN = "arn:aws:iam::123456789012:role/admin"
PUSHES = ["ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"]
VIA_S3 = {"kms:ViaService": "s3.ap-northeast-1.amazonaws.com"}


def as_list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def holds(conditions: dict[str, Any], context: dict[str, str]) -> bool:
    """Whether every condition of a statement holds (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html)."""
    for operator, pairs in conditions.items():
        for key, wanted in pairs.items():
            same = context.get(key) in as_list(wanted)
            if operator not in ("StringEquals", "ArnNotEquals", "Bool"):
                raise AssertionError(f"operator {operator} is not evaluated here")
            if same == (operator == "ArnNotEquals"):
                return False
    return True


def decide(policy: dict[str, Any], action: str, resource: str, context: dict[str, str] | None = None) -> str | None:
    """`Allow`, `Deny` or None of one policy; a deny wins."""
    decision = None
    for statement in policy["Statement"]:
        # A resource policy without Resource is about its own resource.
        resources = as_list(statement.get("Resource", "*"))
        if (
            any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in as_list(statement["Action"]))
            and any(pattern == "*" or fnmatch.fnmatchcase(resource, pattern) for pattern in resources)
            and holds(statement.get("Condition", {}), context or {})
        ):
            if statement["Effect"] == "Deny":
                return "Deny"
            decision = "Allow"
    return decision


WITH_TOKEN = ("sts:AssumeRoleWithWebIdentity", "*")


def claims(audience: str, subject: str) -> dict[str, str]:
    """What AWS takes from the token of a job."""
    begin = "token.actions.githubusercontent.com"
    return {f"{begin}:aud": audience, f"{begin}:sub": subject}


@pytest.fixture
def permissions(durable_plan: Plan) -> dict[str, Any]:
    return json.loads(Graph(durable_plan).named("tokyo-deployer-permissions")["inputs"]["policy"])


# Resource, context of the call, actions.
Asked = list[tuple[str, dict[str, str], list[str]]]
ALLOWED: Asked = [
    # The program looks the main zone up by its domain.
    ("*", {}, ["ecr:GetAuthorizationToken", "route53:ListHostedZones"]),
    ("arn:aws:route53:::hostedzone/Z1", {}, ["route53:GetHostedZone", "route53:ListTagsForResource"]),
    (REPOSITORY, {}, ["ecr:BatchCheckLayerAvailability", *PUSHES]),
    ("${tokyo-cotoami.arn}", {}, ["ecr:BatchGetImage"]),
    (OBJECT, {}, ["s3:GetObject"]),
    # Pulumi's bucket backend: its layout, this stack's state, history, backups and locks, and the state's secrets.
    ("${state-store.arn}", {}, ["s3:ListBucket"]),
    (f"{STATE}/meta.yaml", {}, ["s3:GetObject"]),
    (f"{STATE}/stacks/slipway/prod.json", {}, ["s3:GetObject", "s3:PutObject"]),
    (f"{STATE}/stacks/slipway/prod.json.bak", {}, ["s3:PutObject"]),
    (f"{STATE}/stacks/slipway/prod.pulumi-tags", {}, ["s3:GetObject"]),
    (f"{STATE}/history/slipway/prod/prod-1.history.json", {}, ["s3:PutObject"]),
    (f"{STATE}/backups/slipway/prod/prod.1.json", {}, ["s3:PutObject"]),
    (f"{STATE}/locks/organization/slipway/prod/1.json", {}, ["s3:PutObject", "s3:DeleteObject"]),
    (KEY, VIA_S3, ["kms:Decrypt", "kms:GenerateDataKey"]),
    (KEY, {}, ["kms:Decrypt"]),
]
REFUSED: Asked = [
    (f"{STATE}/stacks/slipway/other.json", {}, ["s3:GetObject"]),
    (f"{STATE}/stacks/slipway/prod-eu.json", {}, ["s3:PutObject"]),
    (f"{STATE}/stacks/other/prod.json", {}, ["s3:PutObject"]),
    (f"{STATE}/locks/organization/slipway/other/1.json", {}, ["s3:DeleteObject"]),
    (f"{STATE}/meta.yaml", {}, ["s3:PutObject"]),
    ("${state-store.arn}/kubeconfigs/other.json", {}, ["s3:GetObject"]),
    (OBJECT, {}, ["s3:PutObject", "s3:DeleteObject", "s3:GetObjectVersion"]),
    (f"{STATE}/stacks/slipway/prod.json", {}, ["s3:DeleteObjectVersion"]),
    ("${state-store.arn}", {}, ["s3:PutBucketPolicy"]),
    (KEY, {}, ["kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:CreateGrant", "kms:ScheduleKeyDeletion"]),
    (KEY, {"kms:ViaService": "ssm.ap-northeast-1.amazonaws.com"}, ["kms:GenerateDataKey"]),
    (KEY, VIA_S3, ["kms:Encrypt"]),
    ("${staging-secrets-key.arn}", VIA_S3, ["kms:Decrypt"]),
    ("arn:aws:ecr:ap-northeast-1:123456789012:repository/other", {}, ["ecr:PutImage"]),
    (REPOSITORY, {}, ["ecr:BatchDeleteImage", "ecr:DeleteRepository"]),
    (REPOSITORY, {}, ["ecr:SetRepositoryPolicy", "ecr:PutLifecyclePolicy"]),
    ("${staging-cluster.arn}", {}, ["eks:DescribeCluster", "eks:UpdateClusterConfig", "eks:DeleteCluster"]),
    ("${staging-cluster.arn}", {}, ["eks:CreateAccessEntry", "eks:AccessKubernetesApi"]),
    ("*", {}, ["iam:PassRole", "iam:CreateAccessKey", "sts:AssumeRole", "ecr:CreateRepository"]),
    ("*", {}, ["ec2:DescribeInstances", "rds:DescribeDBInstances"]),
    ("*", {}, ["route53:ChangeResourceRecordSets", "secretsmanager:GetSecretValue"]),
]


def decisions(policy: dict[str, Any], asked: Asked) -> dict[tuple[str, str, str], str | None]:
    return {
        (action, resource, str(context)): decide(policy, action, resource, context)
        for resource, context, actions in asked
        for action in actions
    }


def test_the_deployer_may_do_its_work(permissions: dict[str, Any]) -> None:
    assert {asked for asked, said in decisions(permissions, ALLOWED).items() if said != "Allow"} == set()


def test_the_deployer_may_do_nothing_else(permissions: dict[str, Any]) -> None:
    assert {asked for asked, said in decisions(permissions, REFUSED).items() if said is not None} == set()


def test_no_statement_takes_everything(permissions: dict[str, Any]) -> None:
    for statement in permissions["Statement"]:
        assert not any("*" in action for action in as_list(statement["Action"]))
        if statement["Resource"] == "*":
            assert statement["Sid"] in ("Login", "FindZones")


def test_only_the_deployer_pushes(durable_plan: Plan) -> None:
    graph = Graph(durable_plan)
    policies = graph.of_type("aws:ecr/repositoryPolicy:RepositoryPolicy")
    assert len(policies) == len(graph.of_type("aws:ecr/repository:Repository"))
    for entry in policies:
        policy = json.loads(entry["inputs"]["policy"])
        for action in PUSHES:
            assert decide(policy, action, REPOSITORY, {"aws:PrincipalArn": ROLE}) is None
            assert decide(policy, action, REPOSITORY, {"aws:PrincipalArn": ADMIN}) == "Deny"
        assert decide(policy, "ecr:BatchGetImage", REPOSITORY, {"aws:PrincipalArn": "${staging-node-role.arn}"}) is None


@pytest.mark.parametrize(
    ("audience", "subject", "let_in"),
    [
        ("sts.amazonaws.com", "repo:example/slipway:environment:prod", True),
        ("sts.amazonaws.com", "repo:example/slipway:environment:staging", False),
        ("sts.amazonaws.com", "repo:example/slipway:ref:refs/heads/main", False),
        ("sts.amazonaws.com", "repo:example/slipway:pull_request", False),
        ("sts.amazonaws.com", "repo:somebody/slipway:environment:prod", False),
        ("https://github.com/example", "repo:example/slipway:environment:prod", False),
    ],
)
def test_who_becomes_the_deployer(durable_plan: Plan, audience: str, subject: str, let_in: bool) -> None:
    trust = json.loads(Graph(durable_plan).named("tokyo-deployer-role")["inputs"]["assumeRolePolicy"])
    assert (decide(trust, *WITH_TOKEN, claims(audience, subject)) == "Allow") is let_in
    assert decide(trust, "sts:AssumeRole", "*", claims(audience, subject)) is None


def test_google_deployer_has_three_grants_and_no_more(durable_plan: Plan) -> None:
    graph = Graph(durable_plan)
    member = "${asia-deployer-account.member}"
    grants = [e for e in graph.entries.values() if e["custom"] and e["inputs"].get("member") == member]
    roles = {e["type"].split("/")[0]: e["inputs"]["role"] for e in grants}
    assert roles == {
        "gcp:artifactregistry": "roles/artifactregistry.writer",
        "gcp:projects": "${asia-find-cluster.name}",
    }
    assert graph.named("asia-find-cluster")["inputs"]["permissions"] == ["container.clusters.get"]


def test_google_nodes_only_pull(durable_plan: Plan) -> None:
    graph = Graph(durable_plan)
    grants = [e for e in graph.entries.values() if e["inputs"].get("member") == "${nginx-asia-node-account.member}"]
    assert {e["inputs"]["role"] for e in grants} == {
        "roles/artifactregistry.reader",
        "roles/container.defaultNodeServiceAccount",
    }
    everybody = {
        e["inputs"].get("member") for e in graph.of_type("gcp:artifactregistry/repositoryIamMember:RepositoryIamMember")
    }
    assert everybody == {"${nginx-asia-node-account.member}", "${asia-deployer-account.member}"}


def test_the_iam_user_has_the_same_rights_and_says_why(durable_plan: Plan, ephemeral_plan: Plan) -> None:
    role, user = Graph(durable_plan), Graph(ephemeral_plan)
    rights = [json.loads(g.named("tokyo-deployer-permissions")["inputs"]["policy"])["Statement"] for g in (role, user)]
    # The ephemeral stack makes its main zone, so that there is none to look up.
    assert [s for s in rights[0] if s["Sid"] != "FindZones"] == rights[1]
    assert user.named("tokyo-deployer-grant")["inputs"]["policyArn"] == "${tokyo-deployer-permissions.arn}"
    assert user.named("tokyo-deployer-user")["inputs"]["tags"]["reason"]
    assert role.of_type("aws:iam/user:User", "aws:iam/accessKey:AccessKey") == []


ROLE_KIND = "kubernetes:rbac.authorization.k8s.io/v1:Role"


def may(rules: list[dict[str, Any]], group: str, resource: str, verb: str) -> bool:
    return any(group in r["apiGroups"] and resource in r["resources"] and verb in r["verbs"] for r in rules)


def deployer_rules(plan: Plan) -> list[list[dict[str, Any]]]:
    """The rules of the deployer in each namespace where it has any."""
    roles = [e["inputs"] for e in Graph(plan).of_type(ROLE_KIND) if e["inputs"]["metadata"]["name"] == "deployer"]
    assert len(roles) >= 3
    return [role["rules"] for role in roles]


def test_inside_the_cluster_only_deployments_change(durable_plan: Plan) -> None:
    for rules in deployer_rules(durable_plan):
        asked = {(what, verb) for rule in rules for what in rule["resources"] for verb in rule["verbs"]}
        changing = {(what, verb) for what, verb in asked if verb not in ("get", "list", "watch")}
        assert changing == {("deployments", "patch"), ("deployments", "update"), ("pods/portforward", "create")}
        never = {"secrets", "configmaps", "pods/exec", "pods/proxy", "statefulsets", "*"}
        assert not never & {what for what, _ in asked}


# What Pulumi's provider and the flow of a release ask a cluster, each in the app's own namespace.
ASKED = [
    *(("apps", "deployments", verb) for verb in ("get", "list", "watch", "patch")),
    *(("apps", "replicasets", verb) for verb in ("list", "watch")),
    *(("", kind, verb) for kind in ("pods", "persistentvolumeclaims") for verb in ("list", "watch")),
    ("", "events", "list"),
    ("", "pods/log", "get"),
    ("", "pods/portforward", "create"),
    ("", "services", "get"),
    ("", "services/proxy", "get"),
]


def test_a_release_may_ask_what_it_asks(durable_plan: Plan) -> None:
    for rules in deployer_rules(durable_plan):
        assert [asked for asked in ASKED if not may(rules, *asked)] == []


def test_the_deployer_is_bound_in_app_namespaces_alone(durable_plan: Plan) -> None:
    graph = Graph(durable_plan)
    bindings = [
        e
        for e in graph.of_type("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding")
        if e["inputs"]["metadata"]["name"] == "deployer"
    ]
    namespaces = {e["inputs"]["metadata"]["name"] for e in graph.of_type("kubernetes:core/v1:Namespace")}
    platform = {"ingress", "monitoring"}
    bound = {
        graph.named(e["name"].replace("-deployer-binding", "-namespace"))["inputs"]["metadata"]["name"]
        for e in bindings
    }
    assert bound == namespaces - platform
    subjects = {s["name"] for e in bindings for s in e["inputs"]["subjects"]}
    assert subjects == {"slipway:deployers", "deploy-asia@example-project.iam.gserviceaccount.com"}
    clusterwide = graph.of_type("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding")
    assert not any(s["name"] in subjects for e in clusterwide for s in e["inputs"]["subjects"])


def test_the_access_entry_gives_the_group_and_nothing_else(durable_plan: Plan) -> None:
    graph = Graph(durable_plan)
    entry = graph.named("tokyo-access")["inputs"]
    assert entry["kubernetesGroups"] == ["slipway:deployers"]
    associations = graph.of_type("aws:eks/accessPolicyAssociation:AccessPolicyAssociation")
    assert not any(a["inputs"]["principalArn"] == ROLE for a in associations)
