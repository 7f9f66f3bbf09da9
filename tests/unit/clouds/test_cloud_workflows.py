"""The shipped workflow beside the shipped stack file: who it is to both clouds, and what it then may do."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml

from ops.render.program import PROJECT_DIR, render_config
from stacks.stack_file import read_stack_config
from tests.support.cases import changed, tree
from tests.unit.clouds.graph import Graph
from tests.unit.clouds.test_cloud_deployer import WITH_TOKEN, as_list, claims, decide

if TYPE_CHECKING:
    from stacks.stack_file import StackConfig

Plan = dict[str, Any]
RELEASE = PROJECT_DIR / ".github" / "workflows" / "release.yml"
NUMBERED = "example@12/slipway@345"
PROFILE = {"profile": "my-sso", "roleArn": "arn:aws:iam::123456789012:role/admin"}


def release_job(stack: str) -> dict[str, Any]:
    """The job of the release workflow, as GitHub evaluates it for a stack."""
    text = RELEASE.read_text(encoding="utf-8").replace("${{ inputs.stack }}", stack)
    return cast("dict[str, Any]", yaml.safe_load(text))["jobs"]["release"]


def subjects(plan: Plan, deployer: str) -> list[str]:
    """The subjects that an AWS role trusts."""
    trust = json.loads(Graph(plan).named(f"{deployer}-role")["inputs"]["assumeRolePolicy"])
    return as_list(trust["Statement"][0]["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"])


def members(plan: Plan) -> list[str]:
    """The subjects that the Google account trusts."""
    trusts = Graph(plan).of_type("gcp:serviceaccount/iAMMember:IAMMember")
    return [entry["inputs"]["member"].partition("/subject/")[2] for entry in trusts]


@pytest.fixture(scope="module")
def config() -> StackConfig:
    return read_stack_config(PROJECT_DIR, "prod")


@pytest.fixture(scope="module")
def numbered_plan(config: StackConfig) -> Plan:
    """Prod from a repository whose numbers are known, by an operator with a profile and a role of another account."""
    deployers = {name: {**entry, "github": NUMBERED} for name, entry in tree(config, "deployers").items()}
    clouds = tree(config, "clouds")
    clouds["tokyo"] |= PROFILE
    return render_config(changed(config, deployers=deployers, clouds=clouds)).plan


def test_the_release_workflow_is_trusted_and_acts_as_the_deployers(durable_plan: Plan) -> None:
    """It has variables of its own: deploy.yml, in the same environment, needs far more than a deployer may."""
    job = release_job("prod")
    assert subjects(durable_plan, "tokyo-deployer") == [f"repo:example/slipway:environment:{job['environment']}"]
    used = set(re.findall(r"vars\.(\w+)", json.dumps(job["steps"])))
    assert {"AWS_RELEASE_ROLE", "GCP_RELEASE_ACCOUNT"} <= used
    assert "AWS_ROLE" not in used


@pytest.mark.parametrize("numbers", [True, False])
def test_a_repository_is_known_with_and_without_its_numbers(
    numbered_plan: Plan, durable_plan: Plan, *, numbers: bool
) -> None:
    plan = numbered_plan if numbers else durable_plan
    wanted = ["repo:example/slipway:environment:prod"]
    if numbers:
        wanted.append("repo:example@12/slipway@345:environment:prod")
    assert subjects(plan, "tokyo-deployer") == wanted
    assert members(plan) == wanted
    condition = Graph(plan).named("asia-github-provider")["inputs"]["attributeCondition"]
    # The number is never given to another repository, a name is.
    assert condition == f"assertion.{'repository_id' if numbers else 'repository'} in " + (
        "['345']" if numbers else "['example/slipway']"
    )


def test_only_those_two_subjects_are_trusted(numbered_plan: Plan) -> None:
    trust = json.loads(Graph(numbered_plan).named("tokyo-deployer-role")["inputs"]["assumeRolePolicy"])
    for subject, let_in in (
        ("repo:example/slipway:environment:prod", True),
        ("repo:example@12/slipway@345:environment:prod", True),
        ("repo:example@13/slipway@345:environment:prod", False),
        ("repo:example@12/slipway@346:environment:prod", False),
        ("repo:example@12/slipway@345:environment:dev", False),
    ):
        found = decide(trust, *WITH_TOKEN, claims("sts.amazonaws.com", subject))
        assert (found == "Allow") is let_in, subject


def test_the_deployers_kubeconfig_has_nothing_of_the_operator(numbered_plan: Plan) -> None:
    graph = Graph(numbered_plan)
    read = json.dumps(graph.named("state-kubeconfig-staging")["inputs"]["content"])
    assert "get-token" in read
    for option in ("--profile", "my-sso", "--role-arn", "role/admin"):
        assert option not in read
    # The operator's own has both.
    own = json.dumps(graph.named("staging-kubernetes")["inputs"]["kubeconfig"])
    assert "my-sso" in own
    assert "role/admin" in own


def test_nothing_but_the_operators_own_provider_and_kubeconfig_names_the_profile(numbered_plan: Plan) -> None:
    graph = Graph(numbered_plan)
    named = {e["name"] for e in graph.entries.values() if e["custom"] and "my-sso" in json.dumps(e["inputs"])}
    assert named == {"tokyo-aws", "staging-kubernetes"}


def test_a_deployer_of_google_alone_reaches_the_state(config: StackConfig) -> None:
    """The state lies at AWS: without a deployer there, the job becomes a role that uses the state and nothing else."""
    deployers = tree(config, "deployers")
    del deployers["tokyo"]
    plan = render_config(changed(config, deployers=deployers)).plan
    assert subjects(plan, "asia-state") == ["repo:example/slipway:environment:prod"]
    rights = json.loads(Graph(plan).named("asia-state-permissions")["inputs"]["policy"])
    bucket = "${state-store.arn}/.pulumi"
    assert decide(rights, "s3:PutObject", f"{bucket}/stacks/slipway/prod.json") == "Allow"
    assert decide(rights, "kms:Decrypt", "${state-key.arn}") == "Allow"
    for action, resource in (
        ("s3:GetObject", f"{bucket}/stacks/slipway/other.json"),
        ("ecr:GetAuthorizationToken", "*"),
        ("ecr:PutImage", "${tokyo-h2o.arn}"),
        ("eks:DescribeCluster", "${staging-cluster.arn}"),
    ):
        assert decide(rights, action, resource) is None, action


def test_prod_has_one_role_for_both_deployers(durable_plan: Plan) -> None:
    names = {e["name"] for e in Graph(durable_plan).of_type("aws:iam/role:Role")}
    assert "tokyo-deployer-role" in names
    assert "asia-state-role" not in names
