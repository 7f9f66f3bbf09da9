"""Environments from `env create` to `env delete`, on clusters and a backend in memory."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import yaml

from ops.environments.files import file_of, written
from ops.environments.names import now, read_moment
from ops.environments.names import written as moment
from ops.errors import EngineError
from stacks.plain_yaml import load_yaml
from tests.support.environments import MemoryPulumi, MemoryStack, objects_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    from tests.support.memory import MemoryCluster

    Slipway = Callable[..., Result]


def test_create_makes_a_stack_of_its_own_and_shows_it(
    env: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi, project: Path
) -> None:
    result = env("create", "pr-17", "--ttl", "2h", "--owner", "ada")
    heading, line, *_, last = result.stdout.splitlines()
    assert heading.split() == ["APP", "SYSTEM", "READY", "URL", "IMAGE"]
    assert line.split()[:3] == ["h2o-example", "h2o", "2/2"]
    assert last.startswith("environment pr-17 is up; of ada, its time is over in 2h 0m, at 2")
    assert cluster.named("Namespace") == ["pr-17-h2o"]
    tags = pulumi.tags("pr-17")
    assert (tags["environment"], tags["owner"]) == ("dev", "ada")
    assert read_moment(tags["expires"]) - read_moment(tags["created"]) == timedelta(hours=2)
    assert "namespacePrefix: pr-17" in file_of(project, "pr-17").read_text(encoding="utf-8")


def test_create_says_the_same_as_json(env: Slipway) -> None:
    told = json.loads(env("create", "pr-17", "--json").stdout)
    assert told.keys() == {"environment", "changed", "apps"}
    assert told["environment"].keys() == {"name", "template", "owner", "created", "expires"}
    assert [app["name"] for app in told["apps"]] == ["h2o-example"]


def test_the_other_commands_know_it(env: Slipway, slipway: Slipway, pulumi: MemoryPulumi) -> None:
    env("create", "pr-17")
    assert slipway("status", "--stack", "pr-17").exit_code == 0
    assert "nothing is wrong" in slipway("config", "check", "--stack", "pr-17").stdout
    assert slipway("up", "--stack", "pr-17").exit_code == 0
    assert pulumi.ups == ["pr-17", "pr-17"]


def test_list_names_owner_age_and_time_left(env: Slipway, pulumi: MemoryPulumi) -> None:
    assert env("list").stdout.strip() == "there are no environments"
    env("create", "pr-17", "--owner", "ada", "--ttl", "3d")
    env("create", "pr-18", "--owner", "grace", "--ttl", "30m")
    pulumi.outdate("pr-18")
    pulumi.stacks["dev"] = MemoryStack()
    pulumi.stacks["pr-17"].tags["slipway:created"] = moment(now() - timedelta(hours=2, minutes=5))
    pulumi.stacks["pr-17"].tags["slipway:expires"] = moment(now() + timedelta(days=2, hours=23))
    heading, first, second = env("list").stdout.splitlines()
    assert heading.split() == ["NAME", "FROM", "OWNER", "AGE", "LEFT", "CLUSTER", "READY"]
    assert first.split()[:5] == ["pr-17", "dev", "ada", "2h", "5m"]
    assert "2d 23h" in first
    assert first.split()[-2:] == ["local", "1/1"]
    assert "over for 5m" in second


def test_list_as_json_has_the_promised_keys(env: Slipway) -> None:
    env("create", "pr-17", "--owner", "ada", "--ttl", "1h")
    told = json.loads(env("list", "--json").stdout)
    (entry,) = told["environments"]
    assert (told["unreachable"], told["broken"]) == ({}, [])
    assert entry["name"] == "pr-17"
    assert entry["clusters"] == {"local": "test"}
    assert (entry["ready"], entry["apps"], entry["state"], entry["expired"]) == (1, 1, "ready", False)
    assert 3500 < entry["leftSeconds"] <= 3600
    assert entry.keys() == {
        *("name", "template", "owner", "state", "lifecycle", "created", "expires", "ageSeconds"),
        *("leftSeconds", "expired", "clusters", "ready", "apps"),
    }


def test_a_cluster_that_does_not_answer_is_named_and_the_environment_listed(
    env: Slipway, cluster: MemoryCluster
) -> None:
    env("create", "a")
    cluster.silent = True
    told = json.loads(env("list", "--json").stdout)
    assert told["environments"][0]["ready"] is None
    assert "does not answer" in told["unreachable"]["local"]
    result = env("list")
    assert "left out: cluster local (context test) does not answer" in result.stderr
    assert result.stdout.splitlines()[1].split()[-1] == "?/1"


@pytest.mark.parametrize("command", ["env delete", "down"])
def test_removal_leaves_nothing_whatever_time_there_is_left(
    command: str, env: Slipway, slipway: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi, project: Path
) -> None:
    env("create", "pr-17")
    if command == "down":
        assert slipway("down", "--stack", "pr-17").exit_code == 0
    else:
        assert env("delete", "pr-17").stdout.strip() == "environment pr-17 is gone, nothing is left"
    assert cluster.objects == {}
    assert pulumi.stacks == {}
    assert not file_of(project, "pr-17").exists()
    assert "environment pr-17: nothing to remove" in env("delete", "pr-17").stdout


def test_a_fresh_clone_has_the_settings_from_the_backend(
    env: Slipway, slipway: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi, project: Path
) -> None:
    env("create", "pr-17")
    before = file_of(project, "pr-17").read_text(encoding="utf-8")
    file_of(project, "pr-17").unlink()
    assert slipway("status", "--stack", "pr-17").exit_code == 0
    assert yaml.safe_load(file_of(project, "pr-17").read_text(encoding="utf-8")) == yaml.safe_load(before)
    file_of(project, "pr-17").unlink()
    assert slipway("down", "--stack", "pr-17").exit_code == 0
    assert cluster.objects == {}
    assert pulumi.stacks == {}


def test_a_stack_that_nobody_knows_is_told_as_ever(env: Slipway, slipway: Slipway, pulumi: MemoryPulumi) -> None:
    env("create", "pr-17")
    pulumi.stacks["prod"] = MemoryStack()
    for name in ("pr-18", "prod", "Never"):
        result = slipway("status", "--stack", name)
        assert result.exit_code == 1
        assert f"Pulumi.{name}.yaml" in result.stderr
        assert "the file does not exist" in result.stderr


def test_an_up_of_what_was_removed_meanwhile_makes_nothing(
    env: Slipway, slipway: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi, project: Path
) -> None:
    env("create", "pr-17")
    kept = file_of(project, "pr-17").read_text(encoding="utf-8")
    env("delete", "pr-17")
    file_of(project, "pr-17").write_text(kept, encoding="utf-8")
    result = slipway("up", "--stack", "pr-17")
    assert result.exit_code == 1
    assert "environment pr-17 is not there any more" in result.stderr
    assert "slipway env create pr-17" in result.stderr
    assert pulumi.stacks == {}
    assert cluster.objects == {}


def test_extend_counts_from_now_and_revives_what_is_over(env: Slipway, pulumi: MemoryPulumi) -> None:
    env("create", "a", "--ttl", "30m")
    pulumi.outdate("a")
    assert "its time is over in 3d" in env("extend", "a", "--ttl", "3d").stdout
    assert read_moment(pulumi.tags("a")["expires"]) > now() + timedelta(days=2, hours=23)
    assert "nothing to remove" in env("reap").stdout
    pulumi.stacks["prod"] = MemoryStack()
    for name in ("b", "prod"):
        result = env("extend", name, "--ttl", "3d", code=1)
        assert f"environment {name} is not there; asked: Pulumi's backend mem://" in result.stderr


def test_what_could_not_be_made_leaves_nothing_and_says_so(
    env: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi, project: Path
) -> None:
    pulumi.fails["a"] = EngineError("the rollout failed")
    result = env("create", "a", code=1)
    assert "error: the rollout failed\nenvironment a was not made; nothing of it is left" in result.stderr
    assert cluster.objects == {}
    assert pulumi.stacks == {}
    assert not file_of(project, "a").exists()


def test_what_was_made_by_half_is_kept_and_the_ways_on_are_named(
    env: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi
) -> None:
    pulumi.fails["a"], pulumi.leaves = EngineError("the rollout failed"), True
    result = env("create", "a", code=1)
    assert "`slipway env create a` goes on with it, `slipway env delete a` removes it" in result.stderr
    assert objects_of(cluster, "a")
    pulumi.fails.clear()
    env("delete", "a")
    assert cluster.objects == {}


def test_one_that_is_there_is_not_made_again_but_brought_up_to_date(
    env: Slipway, pulumi: MemoryPulumi, project: Path
) -> None:
    env("create", "a", "--owner", "ada", "--ttl", "1h")
    before = pulumi.tags("a")
    result = env("create", "a", code=1)
    assert "environment a is there already (from dev, of ada)" in result.stderr
    assert "--update" in result.stderr
    dev = project / "Pulumi.dev.yaml"
    dev.write_text(dev.read_text(encoding="utf-8").replace("replicas: 2", "replicas: 5"), encoding="utf-8")
    file_of(project, "a").unlink()
    env("create", "a", "--update", "--owner", "grace", "--ttl", "9h")
    after = pulumi.tags("a")
    assert (after["owner"], after["created"]) == ("ada", before["created"])
    assert read_moment(after["expires"]) > read_moment(before["expires"]) + timedelta(hours=7)
    config = load_yaml(file_of(project, "a"))["config"]
    assert (config["slipway:apps"]["h2o-example"]["replicas"], config["slipway:owner"]) == (5, "ada")
    assert pulumi.ups == ["a", "a"]


@pytest.mark.parametrize("name", ["dev", "other", "shared"])
def test_a_stack_of_the_project_the_cluster_or_the_backend_is_no_environment(
    name: str, env: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi, project: Path
) -> None:
    labels = {"slipway.dev/stack": "other"}
    cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "somewhere", "labels": labels}})
    pulumi.stacks["shared"] = MemoryStack()
    result = env("create", name, code=1)
    told = {
        "dev": "Pulumi.dev.yaml is a stack of this project",
        "other": "has a stack of that name already",
        "shared": "Pulumi's backend has a stack of that name already, without the tag slipway:environment",
    }
    assert told[name] in result.stderr
    assert pulumi.ups == []
    assert cluster.named("Namespace") == ["somewhere"]
    assert set(pulumi.stacks) == {"shared"}
    assert not file_of(project, name).exists()


def test_a_stack_file_that_differs_in_case_only_is_the_same_stack(env: Slipway, project: Path) -> None:
    (project / "Pulumi.PR-17.yaml").write_text("config: {}\n", encoding="utf-8")
    assert "Pulumi.PR-17.yaml is a stack of this project" in env("create", "pr-17", code=1).stderr


def test_a_told_port_is_one_that_is_free_and_stays(
    env: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev = project / "Pulumi.dev.yaml"
    text = dev.read_text(encoding="utf-8") + "    cotoami: {cluster: local, nodePort: 30083}\n"
    dev.write_text(text, encoding="utf-8")
    # Three ports, one of which a Service holds.
    monkeypatch.setattr("ops.environments.create._PORTS", range(30084, 30087))
    port = {"nodePort": 30084}
    cluster.put({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"ports": [port]}})

    def told(name: str) -> int:
        return pulumi.stacks[name].settings["slipway:apps"]["cotoami"]["nodePort"]

    env("create", "a", "--app", "cotoami")
    env("create", "b", "--app", "cotoami")
    assert {told("a"), told("b")} == {30085, 30086}
    before = told("a")
    env("create", "a", "--app", "cotoami", "--update")
    assert told("a") == before
    assert "has no node port left for cotoami" in env("create", "c", "--app", "cotoami", code=1).stderr
    assert set(pulumi.stacks) == {"a", "b"}


def test_text_stays_text_in_the_stack_file(project: Path) -> None:
    texts = ["12345e67", "0o17", "1e3", "NaN", "no", "0123456", "2026-01-01", "1:30", "", "~"]
    texts += ["yes", "true", "null", ".5"]
    file = project / "Pulumi.x.yaml"
    file.write_text(written("x", "dev", {"config": {"a": dict(enumerate(texts)), "b": 5}}), encoding="utf-8")
    for document in (load_yaml(file), yaml.safe_load(file.read_bytes())):
        assert list(document["config"]["a"].values()) == texts
        assert document["config"]["b"] == 5
