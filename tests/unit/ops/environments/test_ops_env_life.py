"""Environments from `env create` to `env delete`, on clusters in memory."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from ops.environments import record as records
from ops.environments.files import file_of
from ops.environments.names import now
from ops.environments.upkeep import remember
from ops.errors import EngineError
from stacks.settings import parse
from stacks.stack_file import read_stack_config
from tests.support.environments import MemoryEngine, found, outdate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    from tests.support.memory import MemoryCluster

    Slipway = Callable[..., Result]


def test_create_makes_a_stack_of_its_own_and_shows_it(env: Slipway, cluster: MemoryCluster, project: Path) -> None:
    result = env("create", "pr-17", "--ttl", "2h", "--owner", "ada")
    heading, line, *_, last = result.stdout.splitlines()
    assert heading.split() == ["APP", "SYSTEM", "READY", "URL", "IMAGE"]
    assert line.split()[:3] == ["h2o-example", "h2o", "2/2"]
    assert last.startswith("environment pr-17 is up (engine: Helm); of ada, its time is over in 2h 0m, at 2")
    assert "pr-17-h2o" in cluster.named("Namespace")
    record = found(cluster, "pr-17")
    assert (record.template, record.owner, record.engine, record.state) == ("dev", "ada", "helm", "ready")
    assert record.expires - record.created == timedelta(hours=2)
    assert record.namespaces == ("pr-17-h2o",)
    assert record.apps == 1
    assert record.settings == file_of(project, "pr-17").read_text(encoding="utf-8")
    assert cluster.named("Lease") == []


def test_create_says_the_same_as_json(env: Slipway) -> None:
    told = json.loads(env("create", "pr-17", "--json").stdout)
    assert told.keys() == {"environment", "engine", "changed", "apps"}
    assert told["environment"].keys() == {"name", "template", "owner", "created", "expires"}
    assert [app["name"] for app in told["apps"]] == ["h2o-example"]


def test_the_other_commands_know_it(env: Slipway, slipway: Slipway) -> None:
    env("create", "pr-17")
    assert slipway("status", "--stack", "pr-17").exit_code == 0
    assert slipway("config", "get", "namespacePrefix", "--stack", "pr-17").stdout.strip() == "pr-17"
    assert slipway("config", "set", "apps.h2o-example.replicas", "1", "--stack", "pr-17").exit_code == 0
    assert slipway("up", "--stack", "pr-17").exit_code == 0


def test_a_changed_setting_reaches_the_record_with_the_next_up(
    env: Slipway, slipway: Slipway, cluster: MemoryCluster
) -> None:
    env("create", "pr-17")
    slipway("config", "set", "apps.h2o-example.replicas", "7", "--stack", "pr-17")
    slipway("up", "--stack", "pr-17")
    config = found(cluster, "pr-17").document()["config"]
    assert config["slipway:apps"]["h2o-example"]["replicas"] == 7


def test_a_setting_that_a_release_wrote_reaches_the_record_at_once(
    env: Slipway, slipway: Slipway, cluster: MemoryCluster, project: Path
) -> None:
    env("create", "pr-17")
    slipway("config", "set", "apps.h2o-example.revision", "9", "--stack", "pr-17")
    remember(project, "pr-17", cluster)
    assert found(cluster, "pr-17").document()["config"]["slipway:apps"]["h2o-example"]["revision"] == "9"
    before = dict(cluster.objects)
    remember(project, "dev", cluster)
    assert cluster.objects == before


def test_list_names_owner_age_and_time_left(env: Slipway, cluster: MemoryCluster) -> None:
    assert env("list").stdout.strip() == "there are no environments"
    env("create", "pr-17", "--owner", "ada", "--ttl", "3d")
    env("create", "pr-18", "--owner", "grace", "--ttl", "30m")
    outdate(cluster, "pr-18")
    left = timedelta(days=2, hours=23)
    records.update(cluster, "pr-17", created=now() - timedelta(hours=2, minutes=5), expires=now() + left)
    heading, first, second = env("list").stdout.splitlines()
    assert heading.split() == ["NAME", "FROM", "OWNER", "AGE", "LEFT", "CLUSTER", "ENGINE", "READY"]
    assert first.split()[:5] == ["pr-17", "dev", "ada", "2h", "5m"]
    assert "2d 23h" in first
    assert first.split()[-3:] == ["local", "helm", "1/1"]
    assert "over for 5m" in second


def test_list_as_json_has_the_promised_keys(env: Slipway) -> None:
    env("create", "pr-17", "--owner", "ada", "--ttl", "1h")
    told = json.loads(env("list", "--json").stdout)
    (entry,) = told["environments"]
    assert told["unreachable"] == {}
    assert told["broken"] == []
    assert entry["name"] == "pr-17"
    assert entry["clusters"] == {"local": "test"}
    assert (entry["ready"], entry["apps"], entry["state"], entry["expired"]) == (1, 1, "ready", False)
    assert 3500 < entry["leftSeconds"] <= 3600
    assert entry.keys() == {
        *("name", "template", "owner", "engine", "state", "lifecycle", "created", "expires", "ageSeconds"),
        *("leftSeconds", "expired", "clusters", "ready", "apps"),
    }


def test_delete_leaves_nothing_whatever_time_there_is_left(env: Slipway, cluster: MemoryCluster, project: Path) -> None:
    env("create", "pr-17")
    assert env("delete", "pr-17").stdout.strip() == "environment pr-17 is gone, nothing is left"
    assert cluster.objects == {}
    assert not file_of(project, "pr-17").exists()
    assert "environment pr-17: nothing to remove" in env("delete", "pr-17").stdout


def test_the_record_is_the_last_to_go(env: Slipway, cluster: MemoryCluster) -> None:
    env("create", "pr-17")
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "slipway-stash-pr-17",
                "namespace": "slipway",
                "labels": {"slipway.dev/stack": "pr-17"},
            },
        }
    )
    env("delete", "pr-17")
    order = [str(key) for key in cluster.deleted if key.kind in ("Secret", "ConfigMap", "Namespace")]
    assert order[-3:] == [
        "Secret slipway/slipway-stash-pr-17",
        "ConfigMap slipway/slipway-environment-pr-17",
        "Namespace slipway",
    ]


def test_plain_down_removes_record_and_file(
    env: Slipway, slipway: Slipway, cluster: MemoryCluster, project: Path
) -> None:
    env("create", "pr-17")
    assert slipway("down", "--stack", "pr-17").exit_code == 0
    assert cluster.objects == {}
    assert not file_of(project, "pr-17").exists()


def test_down_from_a_fresh_clone_finds_the_settings_on_the_cluster(
    env: Slipway, slipway: Slipway, cluster: MemoryCluster, project: Path
) -> None:
    env("create", "pr-17")
    file_of(project, "pr-17").unlink()
    assert slipway("status", "--stack", "pr-17").exit_code == 0
    assert "namespacePrefix: pr-17" in file_of(project, "pr-17").read_text(encoding="utf-8")
    file_of(project, "pr-17").unlink()
    assert slipway("down", "--stack", "pr-17").exit_code == 0
    assert cluster.objects == {}


def test_settings_from_the_cluster_lead_there_by_the_way_that_this_machine_has(
    env: Slipway, slipway: Slipway, clusters: dict[str | None, MemoryCluster], project: Path
) -> None:
    env("create", "pr-17")
    file_of(project, "pr-17").unlink()
    # The same cluster by another name.
    clusters["here"] = clusters.pop("test")
    dev = project / "Pulumi.dev.yaml"
    dev.write_text(dev.read_text(encoding="utf-8").replace("context: test", "context: here"), encoding="utf-8")
    assert slipway("status", "--stack", "pr-17").exit_code == 0
    config = read_stack_config(project, "pr-17")
    settings = parse(config.values, project="slipway", source="pr-17")
    assert getattr(settings.clusters["local"], "context", None) == "here"


def test_a_stack_that_nobody_knows_is_told_as_ever(env: Slipway, slipway: Slipway) -> None:
    env("create", "pr-17")
    result = slipway("status", "--stack", "pr-18")
    assert result.exit_code == 1
    assert "Pulumi.pr-18.yaml" in result.stderr
    assert "the file does not exist" in result.stderr


def test_an_up_of_what_was_removed_meanwhile_makes_nothing(
    env: Slipway, slipway: Slipway, cluster: MemoryCluster, engine: MemoryEngine, project: Path
) -> None:
    env("create", "pr-17")
    kept = file_of(project, "pr-17").read_text(encoding="utf-8")
    env("delete", "pr-17")
    file_of(project, "pr-17").write_text(kept, encoding="utf-8")
    result = slipway("up", "--stack", "pr-17")
    assert result.exit_code == 1
    assert "is not on cluster local any more" in result.stderr
    assert "slipway env create pr-17" in result.stderr
    assert engine.ups == ["pr-17"]
    assert cluster.objects == {}


def test_extend_counts_from_now_and_revives_what_is_over(env: Slipway, cluster: MemoryCluster) -> None:
    env("create", "a", "--ttl", "30m")
    outdate(cluster, "a")
    assert "its time is over in 3d" in env("extend", "a", "--ttl", "3d").stdout
    assert found(cluster, "a").expires > now() + timedelta(days=2, hours=23)
    assert "nothing to remove" in env("reap").stdout
    result = env("extend", "b", "--ttl", "3d", code=1)
    assert "environment b is not there; asked: local (context test)" in result.stderr


def test_what_could_not_be_made_leaves_nothing_and_says_so(
    env: Slipway, cluster: MemoryCluster, engine: MemoryEngine, project: Path
) -> None:
    engine.fails["a"] = EngineError("the rollout failed")
    result = env("create", "a", code=1)
    assert "error: the rollout failed\nenvironment a was not made; nothing of it is left" in result.stderr
    assert cluster.objects == {}
    assert not file_of(project, "a").exists()


def test_what_was_made_by_half_is_kept_and_the_ways_on_are_named(
    env: Slipway, cluster: MemoryCluster, engine: MemoryEngine
) -> None:
    engine.fails["a"], engine.leaves = EngineError("the rollout failed"), True
    result = env("create", "a", code=1)
    assert "`slipway env create a` goes on with it, `slipway env delete a` removes it" in result.stderr
    assert cluster.records == ["slipway-environment-a"]
    engine.fails.clear()
    env("delete", "a")
    assert cluster.objects == {}


def test_one_that_is_there_is_not_made_again_but_brought_up_to_date(
    env: Slipway, cluster: MemoryCluster, engine: MemoryEngine, project: Path
) -> None:
    env("create", "a", "--owner", "ada", "--ttl", "1h")
    before = found(cluster, "a")
    result = env("create", "a", code=1)
    assert "environment a is there already (from dev, of ada)" in result.stderr
    assert "--update" in result.stderr
    dev = project / "Pulumi.dev.yaml"
    dev.write_text(dev.read_text(encoding="utf-8").replace("replicas: 2", "replicas: 5"), encoding="utf-8")
    env("create", "a", "--update", "--owner", "grace", "--ttl", "9h")
    after = found(cluster, "a")
    assert (after.id, after.owner, after.created) == (before.id, "ada", before.created)
    assert after.expires > before.expires + timedelta(hours=7)
    assert after.document()["config"]["slipway:apps"]["h2o-example"]["replicas"] == 5
    assert engine.ups == ["a", "a"]


@pytest.mark.parametrize("name", ["dev", "other"])
def test_a_stack_of_the_project_or_of_the_cluster_is_no_environment(
    name: str, env: Slipway, cluster: MemoryCluster, engine: MemoryEngine, project: Path
) -> None:
    labels = {"slipway.dev/stack": "other"}
    cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "somewhere", "labels": labels}})
    result = env("create", name, code=1)
    told = {"dev": "Pulumi.dev.yaml is a stack of this project", "other": "has a stack of that name already"}
    assert told[name] in result.stderr
    assert engine.ups == []
    assert cluster.named("Namespace") == ["somewhere"]
    assert not file_of(project, name).exists()


def test_a_stack_file_that_differs_in_case_only_is_the_same_stack(env: Slipway, project: Path) -> None:
    (project / "Pulumi.PR-17.yaml").write_text("config: {}\n", encoding="utf-8")
    assert "Pulumi.PR-17.yaml is a stack of this project" in env("create", "pr-17", code=1).stderr


def test_a_told_port_is_drawn_once_and_kept(
    env: Slipway, cluster: MemoryCluster, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev = project / "Pulumi.dev.yaml"
    text = dev.read_text(encoding="utf-8") + "    cotoami: {cluster: local, nodePort: 30083}\n"
    dev.write_text(text, encoding="utf-8")
    # Three ports: one is held by a Service, one is another environment's, one is free.
    monkeypatch.setattr("ops.environments.create._DRAWN_PORTS", range(30083, 30087))
    port = {"nodePort": 30084}
    cluster.put({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"ports": [port]}})

    def drawn(name: str) -> int:
        return found(cluster, name).document()["config"]["slipway:apps"]["cotoami"]["nodePort"]

    env("create", "a", "--app", "cotoami")
    env("create", "b", "--app", "cotoami")
    assert {drawn("a"), drawn("b")} == {30085, 30086}
    before = drawn("a")
    env("create", "a", "--app", "cotoami", "--update")
    assert drawn("a") == before
    assert "has no node port left for cotoami" in env("create", "c", "--app", "cotoami", code=1).stderr
    assert cluster.records == ["slipway-environment-a", "slipway-environment-b"]
