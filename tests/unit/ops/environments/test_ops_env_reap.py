"""Environments that end, by their time or by an accident, on clusters and a backend in memory."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ops.environments import remove
from ops.environments.files import file_of
from ops.environments.names import now, written
from ops.errors import EngineError
from ops.kube import Key
from ops.project import project_dir
from tests.support.busy import held
from tests.support.environments import MemoryPulumi, MemoryStack, objects_of
from tests.support.memory import MemoryCluster

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Slipway = Callable[..., Result]


def test_reap_takes_those_whose_time_is_over_and_no_others(
    env: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi
) -> None:
    for name in ("a", "b", "c"):
        env("create", name)
    pulumi.outdate("a", "c")
    assert "2 environments would be removed, 1 have time left" in env("reap", "--dry-run").stdout
    assert objects_of(cluster, "a")
    assert env("reap").stdout.splitlines() == [
        "a removed",
        "c removed",
        "2 of 2 environments removed, 1 have time left",
    ]
    assert set(pulumi.stacks) == {"b"}
    assert objects_of(cluster, "a") == objects_of(cluster, "c") == []
    assert "nothing to remove; 1 environments have time left" in env("reap").stdout


def test_reap_as_json(env: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi) -> None:
    env("create", "a")
    pulumi.outdate("a")
    dry = json.loads(env("reap", "--dry-run", "--json").stdout)
    assert dry["environments"] == [{"name": "a", "result": "would-remove", "why": ""}]
    wet = json.loads(env("reap", "--json").stdout)
    assert wet == {"environments": [{"name": "a", "result": "removed", "why": ""}], "broken": []}
    assert cluster.objects == {}


def test_reap_works_from_a_fresh_clone_of_another_version(
    env: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi, project: Path
) -> None:
    env("create", "a")
    pulumi.stacks["a"].settings["slipway:anAgeOldKey"] = "x"
    pulumi.outdate("a")
    file_of(project, "a").unlink()
    assert "a removed" in env("reap").stdout
    assert cluster.objects == {}
    assert list(file_of(project, "a").parent.iterdir()) == []
    assert sorted(path.name for path in project.glob("Pulumi.*")) == ["Pulumi.dev.yaml", "Pulumi.yaml"]


def test_one_that_fails_does_not_stop_the_others(env: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi) -> None:
    for name in ("a", "b", "c"):
        env("create", name)
    pulumi.outdate("a", "b", "c")
    pulumi.fails["destroy b"] = EngineError("the namespace is not gone")
    result = env("reap", code=1)
    assert "b failed: the namespace is not gone" in result.stdout
    assert "2 of 3 environments removed" in result.stdout
    assert set(pulumi.stacks) == {"b"}
    pulumi.fails.clear()
    env("reap")
    assert pulumi.stacks == {}
    assert cluster.objects == {}


def test_one_whose_cluster_does_not_answer_fails_by_itself(
    env: Slipway, clusters: dict[str | None, MemoryCluster], pulumi: MemoryPulumi, project: Path
) -> None:
    clusters["far"] = MemoryCluster("far", "far")
    text = (
        "config:\n  slipway:clusters: {far: {kind: existing, context: far}}\n  slipway:apps: {nginx: {cluster: far}}\n"
    )
    (project / "Pulumi.far.yaml").write_text(text, encoding="utf-8")
    env("create", "a")
    env("create", "b", "--from", "far")
    pulumi.outdate("a", "b")
    clusters["far"].silent = True
    result = env("reap", code=1)
    assert "a removed" in result.stdout
    assert "b failed: cluster far (context far) does not answer" in result.stdout
    assert file_of(project, "b").exists()
    clusters["far"].silent = False
    assert "b removed" in env("reap").stdout
    assert clusters["far"].objects == {}


def test_stacks_that_env_create_did_not_make_are_never_reaped(
    env: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi
) -> None:
    mine = {"slipway.dev/stack": "mine", "slipway.dev/lifecycle": "ephemeral"}
    cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine-h2o", "labels": mine}})
    pulumi.stacks["mine"] = MemoryStack({"slipway:expires": "2026-01-01T00:00:00Z"})
    before = dict(cluster.objects)
    env("create", "a")
    pulumi.outdate("a")
    env("reap")
    assert cluster.objects == before
    assert set(pulumi.stacks) == {"mine"}


def test_what_was_made_durable_is_never_reaped(
    env: Slipway, slipway: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi
) -> None:
    env("create", "a")
    file = file_of(project_dir(), "a")
    file.write_text(file.read_text(encoding="utf-8").replace("ephemeral", "durable"), encoding="utf-8")
    assert slipway("up", "--stack", "a").exit_code == 0
    pulumi.outdate("a")
    for command in (("reap",), ("reap", "--dry-run")):
        assert "nothing to remove; 1 environments have time left" in env(*command).stdout
    assert "durable" in env("list").stdout
    assert "--yes-remove-durable a" in env("delete", "a", code=1).stderr
    assert "has been made durable" in env("create", "a", "--update", code=1).stderr
    env("delete", "a", "--yes-remove-durable", "a")
    assert cluster.objects == {}


def test_a_durable_namespace_protects_whatever_the_state_says(
    env: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi
) -> None:
    env("create", "a")
    cluster.objects[Key("", "Namespace", "", "a-h2o")]["metadata"]["labels"] = {
        "slipway.dev/lifecycle": "durable",
        "slipway.dev/stack": "a",
    }
    pulumi.outdate("a")
    assert "has been made durable" in env("reap", code=1).stdout
    assert objects_of(cluster, "a")


def test_tags_on_a_stack_of_the_project_remove_nothing(
    env: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi, project: Path
) -> None:
    env("create", "a")
    pulumi.outdate("a")
    before = set(cluster.objects)
    (project / "Pulumi.a.yaml").write_text("config: {}\n", encoding="utf-8")
    assert "Pulumi.a.yaml is a stack of this project" in env("reap", code=1).stdout
    assert set(cluster.objects) == before


def test_a_state_leads_to_no_other_cluster_than_its_own(
    env: Slipway, clusters: dict[str | None, MemoryCluster], cluster: MemoryCluster, project: Path
) -> None:
    clusters["victim"] = MemoryCluster("victim", "victim")
    labels = {"slipway.dev/stack": "a"}
    clusters["victim"].put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a-data", "labels": labels}})
    env("create", "a")
    file = file_of(project, "a")
    file.write_text(file.read_text(encoding="utf-8").replace("context: test", "context: victim"), encoding="utf-8")
    env("delete", "a")
    assert cluster.objects == {}
    assert clusters["victim"].named("Namespace") == ["a-data"]


@pytest.mark.parametrize(
    ("name", "tag", "value", "told"),
    [
        ("a", "slipway:expires", "tomorrow", "'tomorrow' is no moment"),
        ("a", "slipway:created", "", "'' is no moment"),
        ("PR_17", "slipway:expires", "2026-01-01T00:00:00Z", "must be a DNS label"),
    ],
)
def test_tags_that_somebody_broke_are_told_and_never_acted_on(
    name: str, tag: str, value: str, told: str, env: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi
) -> None:
    env("create", "a")
    pulumi.stacks[name] = pulumi.stacks.pop("a")
    pulumi.stacks[name].tags[tag] = value
    result = env("reap", code=1)
    assert told in result.stderr
    assert f"the tags of stack {name} in Pulumi's backend are no environment's" in result.stderr
    assert objects_of(cluster, "a")
    assert told in json.loads(env("list", "--json").stdout)["broken"][0]


@pytest.mark.parametrize("moment", ["more time", "removed"])
def test_what_changed_since_the_reaper_looked_is_seen_under_the_lock(
    moment: str, env: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi, monkeypatch: pytest.MonkeyPatch
) -> None:
    env("create", "a")
    pulumi.outdate("a")
    real = remove.locked

    def changed_just_before(*arguments: Any) -> Any:
        if moment == "removed":
            pulumi.stacks["a"] = MemoryStack()
        else:
            pulumi.stacks["a"].tags["slipway:expires"] = written(now() + timedelta(hours=1))
        return real(*arguments)

    monkeypatch.setattr(remove, "locked", changed_just_before)
    told = {"more time": "a kept: it got more time", "removed": "a gone: somebody else removed it"}
    assert told[moment] in env("reap").stdout
    assert objects_of(cluster, "a")


def test_what_another_reaper_is_at_is_left_to_it(
    env: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi, project: Path
) -> None:
    env("create", "a")
    pulumi.outdate("a")
    with held(project, "a", "env delete"):
        told = env("reap").stdout
    assert "a busy: stack a is being worked on by" in told
    assert "slipway env delete" in told
    assert objects_of(cluster, "a")
    assert "a removed" in env("reap").stdout


def test_a_create_that_was_killed_is_listed_and_reaped(
    env: Slipway, slipway: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi, project: Path
) -> None:
    pulumi.leaves = True
    pulumi.fails["a"] = KeyboardInterrupt()
    env("create", "a", "--ttl", "1m", code=130)
    (entry,) = json.loads(env("list", "--json").stdout)["environments"]
    assert (entry["state"], entry["ready"]) == ("creating", 0)
    assert "(creating)" in env("list").stdout
    pulumi.outdate("a")
    # Another clone.
    file_of(project, "a").unlink()
    assert "environment a was never up" in slipway("status", "--stack", "a").stderr
    assert "a removed" in env("reap").stdout
    assert cluster.objects == {}


def test_a_create_that_was_killed_goes_on_when_it_is_run_again(env: Slipway, pulumi: MemoryPulumi) -> None:
    pulumi.leaves = True
    pulumi.fails["a"] = KeyboardInterrupt()
    env("create", "a", "--owner", "ada", code=130)
    before = pulumi.tags("a")
    pulumi.fails.clear()
    env("create", "a", "--owner", "grace")
    assert (pulumi.tags("a")["owner"], pulumi.tags("a")["created"]) == ("ada", before["created"])
    assert json.loads(env("list", "--json").stdout)["environments"][0]["state"] == "ready"


@pytest.mark.parametrize("tags", [{}, {"slipway:environment": "dev"}])
def test_one_that_was_killed_among_its_tags_goes_on_or_is_reaped(
    tags: dict[str, str], env: Slipway, pulumi: MemoryPulumi, cluster: MemoryCluster, project: Path
) -> None:
    file_of(project, "a").parent.mkdir(parents=True)
    for turn in ("create", "reap"):
        file_of(project, "a").write_text("config: {}\n", encoding="utf-8")
        pulumi.stacks["a"] = MemoryStack(dict(tags))
        if turn == "create":
            env("create", "a", "--owner", "ada")
            assert pulumi.tags("a")["owner"] == "ada"
            env("delete", "a")
        else:
            os.utime(file_of(project, "a"), (time.time() - 3600, time.time() - 3600))
            env("reap")
        assert pulumi.stacks == {}
        assert cluster.objects == {}
        assert not file_of(project, "a").exists()


def test_one_that_was_killed_between_destroy_and_its_end_goes_by_label(
    env: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi, project: Path
) -> None:
    for other_clone in (False, True):
        env("create", "a")
        pulumi.stacks["a"].resources.clear()
        pulumi.outdate("a")
        if other_clone:
            file_of(project, "a").unlink()
        assert "a removed" in env("reap").stdout
        assert cluster.objects == {}


def test_wrong_wishes_are_one_message_and_ask_nobody(
    env: Slipway, cluster: MemoryCluster, pulumi: MemoryPulumi
) -> None:
    cluster.silent = True
    for wish, told in (
        (("create", "PR"), "must be a DNS label"),
        (("create", "a", "--ttl", "9y"), "from 1m to 30d"),
        (("create", "a", "--owner", "A!"), "must be a label"),
        (("create", "a", "--app", "no"), "is no app of stack dev"),
        (("create", "a", "--from", "no"), "the file does not exist"),
        (("extend", "a", "--ttl", "x"), "from 1m to 30d"),
        (("delete", "A"), "must be a DNS label"),
    ):
        result = env(*wish, code=1)
        assert result.stderr.startswith("error: ")
        assert told in result.stderr
    assert pulumi.calls == []


def test_one_on_two_clusters_goes_from_both(
    env: Slipway, clusters: dict[str | None, MemoryCluster], pulumi: MemoryPulumi, project: Path
) -> None:
    clusters["far"] = MemoryCluster("far", "far")
    text = (
        "config:\n  slipway:clusters:\n    local: {kind: existing, context: test}\n"
        "    far: {kind: existing, context: far}\n  slipway:apps:\n"
        "    nginx: {cluster: far}\n    h2o-example: {cluster: local}\n"
    )
    (project / "Pulumi.both.yaml").write_text(text, encoding="utf-8")
    env("create", "a", "--from", "both")
    (entry,) = json.loads(env("list", "--json").stdout)["environments"]
    assert entry["clusters"] == {"far": "far", "local": "test"}
    assert (entry["ready"], entry["apps"]) == (2, 2)
    # Removed by half.
    clusters["far"].objects.clear()
    pulumi.outdate("a")
    assert "a removed" in env("reap").stdout
    assert clusters["far"].objects == clusters["test"].objects == {}


def test_a_file_whose_environment_is_gone_is_swept_unless_it_is_young(env: Slipway, project: Path) -> None:
    env("create", "a")
    text = file_of(project, "a").read_text(encoding="utf-8")
    env("delete", "a")
    for name in ("old", "young"):
        file_of(project, name).write_text(text, encoding="utf-8")
    os.utime(file_of(project, "old"), (time.time() - 3600, time.time() - 3600))
    env("reap")
    assert not file_of(project, "old").exists()
    assert file_of(project, "young").exists()
