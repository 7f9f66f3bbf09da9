"""No secret stands in clear in any input, and no kubeconfig holds a credential."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.render.monitor import SECRET_MASK
from tests.support.data import leaves
from tests.unit.clouds.graph import Graph

Plan = dict[str, Any]
# Names of inputs that hold a secret; references to where one is found are no secrets.
TELLING = ("password", "secretkey", "secretaccesskey", "accesstoken", "credentials", "privatekey")


@pytest.fixture(params=["durable_plan", "ephemeral_plan"])
def plan(request: pytest.FixtureRequest) -> Plan:
    return request.getfixturevalue(request.param)


def test_passwords_are_masked(plan: Plan) -> None:
    graph = Graph(plan)
    assert graph.named("postgres-database-instance")["inputs"]["password"] == SECRET_MASK
    assert graph.named("mysql-database-user")["inputs"]["password"] == SECRET_MASK
    for name in ("postgres-database-password", "mysql-database-password"):
        assert graph.named(name)["inputs"]["input"] == SECRET_MASK


def test_no_telling_input_is_in_clear(plan: Plan) -> None:
    clear = [
        f"{entry['name']}{path}"
        for entry in plan["resources"]
        if entry["type"].startswith(("aws:", "gcp:", "pulumi:providers:"))
        for path, value in leaves(entry["inputs"])
        if path.rsplit(".", 1)[-1].lower() in TELLING and value not in (None, SECRET_MASK)
    ]
    assert clear == []


def test_the_iam_users_key_is_a_secret_output(ephemeral_plan: Plan) -> None:
    graph = Graph(ephemeral_plan)
    assert "secret" in graph.named("tokyo-deployer-key")["options"]["additionalSecretOutputs"]
    deployer = next(e for e in graph.entries.values() if e["type"] == "slipway:foundation:AwsDeployer")
    assert deployer["outputs"]["secretAccessKey"] == SECRET_MASK


@pytest.mark.parametrize(
    ("cluster", "command"), [("staging", ["aws", "eks", "get-token"]), ("nginx-asia", ["gke-gcloud-auth-plugin"])]
)
def test_kubeconfigs_ask_for_a_token_each_time(durable_plan: Plan, cluster: str, command: list[str]) -> None:
    kubeconfig = json.loads(Graph(durable_plan).named(f"{cluster}-kubernetes")["inputs"]["kubeconfig"])
    user = kubeconfig["users"][0]["user"]
    assert set(user) == {"exec"}
    assert [user["exec"]["command"], *user["exec"]["args"]][: len(command)] == command
    assert user["exec"]["interactiveMode"] == "Never"
    assert set(kubeconfig["clusters"][0]["cluster"]) == {"server", "certificate-authority-data"}


def test_the_deployers_kubeconfig_is_the_same(durable_plan: Plan) -> None:
    graph = Graph(durable_plan)
    stored = graph.named("state-kubeconfig-staging")["inputs"]
    assert stored["content"] == graph.named("staging-kubernetes")["inputs"]["kubeconfig"]
    assert stored["serverSideEncryption"] == "aws:kms"
