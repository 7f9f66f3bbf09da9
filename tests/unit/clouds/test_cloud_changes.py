"""What a change of settings asks of a cloud: nothing that it refuses, and nothing that it does behind one's back."""

from __future__ import annotations

import json
import logging
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from components.versions import IMAGES
from ops.compare.compare import compare
from ops.compare.sources import Render, Side
from ops.render.program import PROJECT_DIR, render_config
from stacks.settings import SettingsError, parse
from stacks.stack_file import read_stack_config
from tests.support.cases import changed, tree
from tests.unit.clouds.graph import Graph

if TYPE_CHECKING:
    from stacks.stack_file import StackConfig

Plan = dict[str, Any]
ADMIN = "arn:aws:iam::123456789012:role/admin"
RDS = "postgres-database-instance"


def prod(part: str, name: str, **settings: Any) -> StackConfig:
    """Prod with one entry of one part changed; `None` takes a setting out."""
    config = read_stack_config(PROJECT_DIR, "prod")
    entries = tree(config, part)
    entries[name] = {key: value for key, value in (entries[name] | settings).items() if value is not None}
    return changed(config, **{part: entries})


@cache
def _plan(part: str, name: str, settings: str) -> Graph:
    return Graph(render_config(prod(part, name, **json.loads(settings))).plan)


def plan(part: str, name: str, **settings: Any) -> Graph:
    return _plan(part, name, json.dumps(settings))


def refused(config: StackConfig) -> str:
    with pytest.raises(SettingsError) as caught:
        parse(config.values, project="slipway", source="test")
    return str(caught.value)


# --- networks


def test_another_vpc_is_another_cluster_and_another_database() -> None:
    """AWS moves neither, and they would keep the old VPC from going."""
    base, head = (
        Side("", {"prod": Render([*plan("clusters", "staging", network={"cidr": cidr}).entries.values()])})
        for cidr in ("10.20.0.0/16", "10.30.0.0/16")
    )
    (stack,) = compare(base, head).stacks
    replaced = {change.urn.rpartition("::")[2] for change in stack.changes if change.operation == "replace"}
    assert {"staging-vpc", "staging-cluster", "staging-kubernetes", "postgres-database-subnets", RDS} <= replaced
    lost = {change.urn.rpartition("::")[2] for change in stack.dangers}
    assert {"staging-cluster", RDS} <= lost


# --- databases


@pytest.mark.parametrize("asked", [False, True])
def test_rds_is_told_when_to_change(asked: bool, caplog: pytest.LogCaptureFixture) -> None:
    settings = {"applyImmediately": True, "allowMajorVersionUpgrade": True} if asked else {}
    with caplog.at_level(logging.INFO):
        _plan.cache_clear()
        inputs = plan("databases", "postgres", **settings).named(RDS)["inputs"]
    assert (inputs["applyImmediately"], inputs["allowMajorVersionUpgrade"]) == (asked, asked)
    said = [message for message in caplog.messages if "maintenance window (sat:18:30-sat:19:30 UTC)" in message]
    # The preview says it, so that nobody believes the change to be there when `up` is done.
    assert len(said) == (0 if asked else 1)
    assert all("databases.postgres.applyImmediately" in message for message in said)


def test_the_parameters_follow_the_version() -> None:
    """RDS wants a group of the new family in the same request."""
    for version in ("16", "17"):
        graph = plan("databases", "postgres", version=version, applyImmediately=True, allowMajorVersionUpgrade=True)
        assert graph.named("postgres-database-parameters")["inputs"]["family"] == f"postgres{version}"
        assert graph.named(RDS)["inputs"]["engineVersion"] == version


def test_an_upgrade_does_not_wait_for_the_window() -> None:
    message = refused(prod("databases", "postgres", allowMajorVersionUpgrade=True))
    assert "databases.postgres" in message
    assert "allowMajorVersionUpgrade (true) needs applyImmediately: true" in message


@pytest.mark.parametrize("setting", ["applyImmediately", "allowMajorVersionUpgrade"])
def test_cloud_sql_has_no_such_setting(setting: str) -> None:
    message = refused(prod("databases", "mysql", **{"applyImmediately": True, setting: True}))
    assert "databases.mysql.applyImmediately = true" in message
    assert "Cloud SQL makes every change at once" in message


# --- nodes that scale

SCALED = {"nodes": {"minCount": 1, "count": 2, "maxCount": 5}}


def test_the_number_of_nodes_is_the_autoscalers() -> None:
    group = plan("clusters", "staging", **SCALED).named("staging-node-group")
    assert group["inputs"]["scalingConfig"] == {"desiredSize": 2, "minSize": 1, "maxSize": 5}
    assert group["options"]["ignoreChanges"] == ["scalingConfig.desiredSize"]
    fixed = plan("clusters", "staging")
    assert "ignoreChanges" not in fixed.named("staging-node-group")["options"]
    assert not [e for e in fixed.entries.values() if "autoscaler" in e["name"] and e["name"].startswith("staging")]


def test_the_autoscaler_runs_where_nodes_scale() -> None:
    graph = plan("clusters", "staging", **SCALED)
    pod = graph.named("staging-cluster-autoscaler-deployment")["inputs"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == IMAGES["cluster-autoscaler"]
    groups = "k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/staging-k8s-example-com"
    assert f"--node-group-auto-discovery=asg:tag={groups}" in container["args"]
    identity = graph.named("staging-autoscaler-identity")
    assert identity["inputs"]["namespace"] == "cluster-autoscaler"
    assert identity["inputs"]["serviceAccount"] == pod["serviceAccountName"]
    # A pod that is made before its identity never gets it.
    assert graph.goes_before(graph.named("staging-cluster-autoscaler-deployment"), identity)
    assert graph.goes_before(identity, graph.named("staging-autoscaler-permissions"))
    assert graph.goes_before(identity, graph.named("staging-eks-pod-identity-agent"))


def test_the_autoscaler_changes_its_own_groups_alone() -> None:
    policy = plan("clusters", "staging", **SCALED).named("staging-autoscaler-permissions")["inputs"]["policy"]
    look, change = json.loads(policy)["Statement"]
    assert all(action.partition(":")[2].startswith(("Describe", "Get")) for action in look["Action"])
    assert change["Condition"] == {
        "StringEquals": {"aws:ResourceTag/k8s.io/cluster-autoscaler/staging-k8s-example-com": "owned"}
    }


def test_the_autoscaler_reads_no_secrets_and_deletes_nothing() -> None:
    graph = plan("clusters", "staging", **SCALED)
    roles = [e for e in graph.entries.values() if e["name"].startswith("staging-cluster-autoscaler") and e["custom"]]
    rules = [rule for e in roles for rule in e["inputs"].get("rules", ())]
    assert len(rules) > 5
    for rule in rules:
        assert "*" not in {*rule["resources"], *rule["verbs"], *rule["apiGroups"]}
        assert not {"secrets", "configmaps"} & set(rule["resources"])
        assert "delete" not in rule["verbs"]


# --- who administers a cluster


def entries(graph: Graph) -> list[str]:
    return [e["inputs"]["principalArn"] for e in graph.of_type("aws:eks/accessEntry:AccessEntry")]


def test_whoever_makes_a_cluster_has_an_entry_like_everybody() -> None:
    graph = plan("clusters", "staging", admins=[ADMIN, "arn:aws:iam::123456789012:user/ann", ADMIN])
    access = graph.named("staging-cluster")["inputs"]["accessConfig"]
    assert access == {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}
    admins = [arn for arn in entries(graph) if "${" not in arn]
    assert sorted(admins) == [ADMIN, "arn:aws:iam::123456789012:user/ann"]


def test_the_role_of_the_account_is_an_administrator() -> None:
    config = prod("clouds", "tokyo", roleArn=ADMIN)
    for named in ([], [ADMIN]):
        clusters = tree(config, "clusters")
        clusters["staging"]["admins"] = named
        graph = Graph(render_config(changed(config, clusters=clusters)).plan)
        assert [arn for arn in entries(graph) if "${" not in arn] == [ADMIN]


def test_a_cluster_that_nobody_could_enter_is_refused() -> None:
    message = refused(prod("clusters", "staging", admins=None))
    assert "clusters.staging.admins = (none)" in message
    assert "the one that runs `up` among them" in message


# --- logs of a cluster that was there before


def test_a_log_group_that_is_there_is_adopted() -> None:
    made = plan("clusters", "staging").named("staging-control-plane-logs")
    found = plan("clusters", "staging", logGroup="existing").named("staging-control-plane-logs")
    assert "import" not in made["options"]
    assert found["options"]["import"] == found["inputs"]["name"] == "/aws/eks/staging-k8s-example-com/cluster"
    # Pulumi refuses an import whose inputs differ from what is there.
    unlike = set(found["inputs"]) - {"name"}
    assert unlike <= set(found["options"]["ignoreChanges"])
