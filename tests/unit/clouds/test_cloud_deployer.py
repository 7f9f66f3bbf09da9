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


@pytest.fixture
def permissions(durable_plan: Plan) -> dict[str, Any]:
    return json.loads(Graph(durable_plan).named("tokyo-deployer-permissions")["inputs"]["policy"])


ALLOWED: list[tuple[str, str, dict[str, str]]] = [
    ("ecr:GetAuthorizationToken", "*", {}),
    ("ecr:BatchCheckLayerAvailability", REPOSITORY, {}),
    ("ecr:InitiateLayerUpload", REPOSITORY, {}),
    ("ecr:UploadLayerPart", REPOSITORY, {}),
    ("ecr:CompleteLayerUpload", REPOSITORY, {}),
    ("ecr:PutImage", REPOSITORY, {}),
    ("ecr:BatchGetImage", "${tokyo-cotoami.arn}", {}),
    ("s3:GetObject", OBJECT, {}),
    # Pulumi's bucket backend: its layout, this stack's state, history, backups and locks, and the state's secrets.
    ("s3:ListBucket", "${state-store.arn}", {}),
    ("s3:GetObject", f"{STATE}/meta.yaml", {}),
    ("s3:GetObject", f"{STATE}/stacks/slipway/prod.json", {}),
    ("s3:PutObject", f"{STATE}/stacks/slipway/prod.json", {}),
    ("s3:PutObject", f"{STATE}/stacks/slipway/prod.json.bak", {}),
    ("s3:GetObject", f"{STATE}/stacks/slipway/prod.pulumi-tags", {}),
    ("s3:PutObject", f"{STATE}/history/slipway/prod/prod-1.history.json", {}),
    ("s3:PutObject", f"{STATE}/backups/slipway/prod/prod.1.json", {}),
    ("s3:PutObject", f"{STATE}/locks/organization/slipway/prod/1.json", {}),
    ("s3:DeleteObject", f"{STATE}/locks/organization/slipway/prod/1.json", {}),
    ("kms:Decrypt", KEY, VIA_S3),
    ("kms:Decrypt", KEY, {}),
    ("kms:GenerateDataKey", KEY, VIA_S3),
    # The program looks the main zone up by its domain.
    ("route53:ListHostedZones", "*", {}),
    ("route53:GetHostedZone", "arn:aws:route53:::hostedzone/Z1", {}),
    ("route53:ListTagsForResource", "arn:aws:route53:::hostedzone/Z1", {}),
]
REFUSED: list[tuple[str, str, dict[str, str]]] = [
    ("s3:GetObject", f"{STATE}/stacks/slipway/other.json", {}),
    ("s3:PutObject", f"{STATE}/stacks/slipway/prod-eu.json", {}),
    ("s3:PutObject", f"{STATE}/stacks/other/prod.json", {}),
    ("s3:DeleteObject", f"{STATE}/locks/organization/slipway/other/1.json", {}),
    ("s3:PutObject", f"{STATE}/meta.yaml", {}),
    ("s3:GetObject", "${state-store.arn}/kubeconfigs/other.json", {}),
    ("s3:PutObject", OBJECT, {}),
    ("s3:DeleteObject", OBJECT, {}),
    ("s3:GetObjectVersion", OBJECT, {}),
    ("s3:DeleteObjectVersion", f"{STATE}/stacks/slipway/prod.json", {}),
    ("s3:PutBucketPolicy", "${state-store.arn}", {}),
    ("kms:GenerateDataKey", KEY, {}),
    ("kms:GenerateDataKey", KEY, {"kms:ViaService": "ssm.ap-northeast-1.amazonaws.com"}),
    ("kms:Encrypt", KEY, VIA_S3),
    ("kms:ReEncryptFrom", KEY, {}),
    ("kms:CreateGrant", KEY, {}),
    ("kms:ScheduleKeyDeletion", KEY, {}),
    ("kms:Decrypt", "${staging-secrets-key.arn}", VIA_S3),
    ("ecr:PutImage", "arn:aws:ecr:ap-northeast-1:123456789012:repository/other", {}),
    ("ecr:BatchDeleteImage", REPOSITORY, {}),
    ("ecr:DeleteRepository", REPOSITORY, {}),
    ("ecr:SetRepositoryPolicy", REPOSITORY, {}),
    ("ecr:PutLifecyclePolicy", REPOSITORY, {}),
    ("ecr:CreateRepository", "*", {}),
    ("eks:DescribeCluster", "${staging-cluster.arn}", {}),
    ("eks:UpdateClusterConfig", "${staging-cluster.arn}", {}),
    ("eks:DeleteCluster", "${staging-cluster.arn}", {}),
    ("eks:CreateAccessEntry", "${staging-cluster.arn}", {}),
    ("eks:AccessKubernetesApi", "${staging-cluster.arn}", {}),
    ("iam:PassRole", "*", {}),
    ("iam:CreateAccessKey", "*", {}),
    ("sts:AssumeRole", "*", {}),
    ("ec2:DescribeInstances", "*", {}),
    ("rds:DescribeDBInstances", "*", {}),
    ("route53:ChangeResourceRecordSets", "*", {}),
    ("secretsmanager:GetSecretValue", "*", {}),
]


@pytest.mark.parametrize(("action", "resource", "context"), ALLOWED)
def test_the_deployer_may(permissions: dict[str, Any], action: str, resource: str, context: dict[str, str]) -> None:
    assert decide(permissions, action, resource, context) == "Allow"


@pytest.mark.parametrize(("action", "resource", "context"), REFUSED)
def test_the_deployer_may_not(permissions: dict[str, Any], action: str, resource: str, context: dict[str, str]) -> None:
    assert decide(permissions, action, resource, context) is None


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
        for action in ("ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"):
            assert decide(policy, action, REPOSITORY, {"aws:PrincipalArn": ROLE}) is None
            admin = "arn:aws:iam::123456789012:role/admin"
            assert decide(policy, action, REPOSITORY, {"aws:PrincipalArn": admin}) == "Deny"
        assert decide(policy, "ecr:BatchGetImage", REPOSITORY, {"aws:PrincipalArn": "${staging-node-role.arn}"}) is None


@pytest.mark.parametrize(
    ("claims", "let_in"),
    [
        ({"aud": "sts.amazonaws.com", "sub": "repo:example/slipway:environment:prod"}, True),
        ({"aud": "sts.amazonaws.com", "sub": "repo:example/slipway:environment:staging"}, False),
        ({"aud": "sts.amazonaws.com", "sub": "repo:example/slipway:ref:refs/heads/main"}, False),
        ({"aud": "sts.amazonaws.com", "sub": "repo:example/slipway:pull_request"}, False),
        ({"aud": "sts.amazonaws.com", "sub": "repo:somebody/slipway:environment:prod"}, False),
        ({"aud": "https://github.com/example", "sub": "repo:example/slipway:environment:prod"}, False),
    ],
)
def test_who_becomes_the_deployer(durable_plan: Plan, claims: dict[str, str], let_in: bool) -> None:
    trust = json.loads(Graph(durable_plan).named("tokyo-deployer-role")["inputs"]["assumeRolePolicy"])
    context = {f"token.actions.githubusercontent.com:{key}": value for key, value in claims.items()}
    decision = decide(trust, "sts:AssumeRoleWithWebIdentity", "*", context)
    assert (decision == "Allow") is let_in
    assert decide(trust, "sts:AssumeRole", "*", context) is None


def test_google_lets_in_one_environment_of_one_repository(durable_plan: Plan) -> None:
    graph = Graph(durable_plan)
    provider = graph.named("asia-github-provider")["inputs"]
    assert provider["attributeCondition"] == "assertion.repository in ['example/slipway']"
    trust = graph.named("asia-deployer-trust")["inputs"]
    assert trust["role"] == "roles/iam.workloadIdentityUser"
    assert trust["member"].endswith("/subject/repo:example/slipway:environment:prod")


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


def test_inside_the_cluster_only_deployments_change(durable_plan: Plan) -> None:
    roles = [e for e in Graph(durable_plan).of_type(ROLE_KIND) if e["inputs"]["metadata"]["name"] == "deployer"]
    assert len(roles) >= 3
    for entry in roles:
        rules = entry["inputs"]["rules"]
        assert may(rules, "apps", "deployments", "patch")
        assert may(rules, "", "pods", "list")
        for group, resource in (
            ("", "secrets"),
            ("", "configmaps"),
            ("", "pods/exec"),
            ("", "pods/proxy"),
            ("apps", "statefulsets"),
            ("apps", "*"),
        ):
            assert not any(may(rules, group, resource, verb) for verb in ("get", "list", "create", "patch", "*"))
        for verb in ("delete", "deletecollection", "*"):
            assert not any(verb in rule["verbs"] for rule in rules)
        changing = {
            (resource, verb)
            for rule in rules
            for resource in rule["resources"]
            for verb in set(rule["verbs"]) - {"get", "list", "watch"}
        }
        assert changing == {("deployments", "patch"), ("deployments", "update"), ("pods/portforward", "create")}


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
    roles = [e for e in Graph(durable_plan).of_type(ROLE_KIND) if e["inputs"]["metadata"]["name"] == "deployer"]
    missing = [(e["name"], asked) for e in roles for asked in ASKED if not may(e["inputs"]["rules"], *asked)]
    assert missing == []


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
