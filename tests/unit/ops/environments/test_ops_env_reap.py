"""Environments that end, by their time or by an accident, on clusters in memory."""

from __future__ import annotations

import json
import os
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import yaml

from local.progress import SilentProgress
from ops.engines import lock
from ops.environments import record as records
from ops.environments import remove
from ops.environments.files import file_of
from ops.environments.names import now
from ops.environments.remove import Remover
from ops.environments.survey import survey
from ops.errors import EngineError, OpsError
from ops.kube import Key
from tests.support.environments import MemoryEngine, found, objects_of, outdate
from tests.support.memory import MemoryCluster

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from typer.testing import Result

    from ops.engines.base import Outcome
    from ops.environments.remove import Removed
    from ops.stack import Stack

    Slipway = Callable[..., Result]


def test_reap_takes_those_whose_time_is_over_and_no_others(env: Slipway, cluster: MemoryCluster) -> None:
    for name in ("a", "b", "c"):
        env("create", name)
    outdate(cluster, "a", "c")
    assert "2 environments would be removed, 1 have time left" in env("reap", "--dry-run").stdout
    assert objects_of(cluster, "a")
    assert env("reap").stdout.splitlines() == [
        "a removed",
        "c removed",
        "2 of 2 environments removed, 1 have time left",
    ]
    assert cluster.records == ["slipway-environment-b"]
    assert objects_of(cluster, "a") == objects_of(cluster, "c") == []
    assert "nothing to remove; 1 environments have time left" in env("reap").stdout


def test_reap_as_json(env: Slipway, cluster: MemoryCluster) -> None:
    env("create", "a")
    outdate(cluster, "a")
    dry = json.loads(env("reap", "--dry-run", "--json").stdout)
    assert dry["environments"] == [{"name": "a", "result": "would-remove", "why": ""}]
    wet = json.loads(env("reap", "--json").stdout)
    assert wet == {
        "environments": [{"name": "a", "result": "removed", "why": ""}],
        "unreachable": {},
        "broken": [],
    }
    assert cluster.objects == {}


def test_reap_works_from_a_fresh_clone_of_another_version(env: Slipway, cluster: MemoryCluster, project: Path) -> None:
    env("create", "a")
    document = found(cluster, "a").document()
    document["config"]["slipway:anAgeOldKey"] = "x"
    records.update(cluster, "a", settings=yaml.safe_dump(document), expires=now() - timedelta(hours=1))
    file_of(project, "a").unlink()
    assert "a removed" in env("reap").stdout
    assert cluster.objects == {}
    assert list(file_of(project, "a").parent.iterdir()) == []


def test_one_that_fails_does_not_stop_the_others(env: Slipway, cluster: MemoryCluster, engine: MemoryEngine) -> None:
    for name in ("a", "b", "c"):
        env("create", name)
    outdate(cluster, "a", "b", "c")
    engine.fails["down b"] = EngineError("the namespace is not gone")
    result = env("reap", code=1)
    assert "b failed: the namespace is not gone" in result.stdout
    assert "2 of 3 environments removed" in result.stdout
    assert cluster.records == ["slipway-environment-b"]
    del engine.fails["down b"]
    env("reap")
    assert cluster.objects == {}


def test_one_whose_engine_is_not_here_fails_by_itself(env: Slipway, cluster: MemoryCluster) -> None:
    env("create", "a")
    env("create", "b")
    records.update(cluster, "a", engine="pulumi")
    outdate(cluster, "a", "b")
    result = env("reap", code=1)
    assert "a failed: there is no Pulumi CLI here" in result.stdout
    assert "b removed" in result.stdout


def test_stacks_that_env_create_did_not_make_are_never_reaped(env: Slipway, cluster: MemoryCluster) -> None:
    mine = {"slipway.dev/stack": "mine", "slipway.dev/lifecycle": "ephemeral"}
    cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine-h2o", "labels": mine}})
    before = dict(cluster.objects)
    env("create", "a")
    outdate(cluster, "a")
    env("reap")
    assert cluster.objects == before


def test_what_was_made_durable_is_never_reaped(env: Slipway, slipway: Slipway, cluster: MemoryCluster) -> None:
    env("create", "a")
    assert slipway("config", "set", "lifecycle", "durable", "--stack", "a").exit_code == 0
    assert slipway("up", "--stack", "a").exit_code == 0
    outdate(cluster, "a")
    assert "nothing to remove" in env("reap").stdout
    assert "durable" in env("list").stdout
    result = env("delete", "a", code=1)
    assert "--yes-remove-durable a" in result.stderr
    assert "has been made durable" in env("create", "a", "--update", code=1).stderr
    env("delete", "a", "--yes-remove-durable", "a")
    assert cluster.objects == {}


def test_a_durable_namespace_protects_whatever_the_record_says(env: Slipway, cluster: MemoryCluster) -> None:
    env("create", "a")
    cluster.objects[Key("", "Namespace", "", "a-h2o")]["metadata"]["labels"]["slipway.dev/lifecycle"] = "durable"
    outdate(cluster, "a")
    assert "has been made durable" in env("reap", code=1).stdout
    assert objects_of(cluster, "a")


def test_a_record_with_the_name_of_a_stack_of_the_project_removes_nothing(
    env: Slipway, cluster: MemoryCluster, project: Path
) -> None:
    env("create", "a")
    outdate(cluster, "a")
    before = set(cluster.objects)
    (project / "Pulumi.a.yaml").write_text("config: {}\n", encoding="utf-8")
    assert "Pulumi.a.yaml is a stack of this project" in env("reap", code=1).stdout
    assert set(cluster.objects) == before


def test_a_record_leads_to_no_other_cluster_than_its_own(
    env: Slipway, clusters: dict[str | None, MemoryCluster], cluster: MemoryCluster
) -> None:
    clusters["victim"] = MemoryCluster("victim", "victim")
    labels = {"slipway.dev/stack": "a"}
    clusters["victim"].put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a-data", "labels": labels}})
    env("create", "a")
    document = found(cluster, "a").document()
    document["config"]["slipway:clusters"]["victim"] = {"kind": "existing", "context": "victim"}
    records.update(cluster, "a", settings=yaml.safe_dump(document), clusters=("local", "victim"))
    outdate(cluster, "a")
    assert "a removed" in env("reap").stdout
    assert cluster.objects == {}
    assert clusters["victim"].named("Namespace") == ["a-data"]


def test_a_broken_record_is_told_and_left_alone(env: Slipway, cluster: MemoryCluster) -> None:
    env("create", "a")
    item = cluster.objects[Key("", "ConfigMap", "slipway", "slipway-environment-a")]
    del item["metadata"]["annotations"]["slipway.dev/expires"]
    result = env("reap", code=1)
    assert "it has no slipway.dev/expires" in result.stderr
    assert objects_of(cluster, "a")


def test_more_time_keeps_it_even_from_a_reaper_that_has_begun(
    env: Slipway, cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    env("create", "a")
    outdate(cluster, "a")
    real = remove.turn

    def extended_just_before(*arguments: Any, **options: Any) -> Any:
        records.update(cluster, "a", expires=now() + timedelta(hours=1))
        return real(*arguments, **options)

    monkeypatch.setattr(remove, "turn", extended_just_before)
    assert "a kept: it got more time" in env("reap").stdout
    assert objects_of(cluster, "a")


def test_a_new_one_of_the_same_name_is_not_taken_for_the_old_one(
    env: Slipway, cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    env("create", "a")
    outdate(cluster, "a")
    real = remove.turn

    def another_by_now(*arguments: Any, **options: Any) -> Any:
        records.update(cluster, "a", id="another")
        return real(*arguments, **options)

    monkeypatch.setattr(remove, "turn", another_by_now)
    assert "a gone: somebody else removed it" in env("reap").stdout
    assert objects_of(cluster, "a")


def test_two_reapers_at_once_do_the_work_once(
    env: Slipway, cluster: MemoryCluster, engine: MemoryEngine, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env("create", "a")
    outdate(cluster, "a")
    inside, go_on = threading.Event(), threading.Event()
    real = MemoryEngine.down

    def slow(self: MemoryEngine, stack: Stack, timeout: float) -> Outcome:
        inside.set()
        assert go_on.wait(20)
        return real(self, stack, timeout)

    monkeypatch.setattr(MemoryEngine, "down", slow)
    first: list[Removed] = []

    def reap() -> None:
        there = survey(project, SilentProgress())
        first.extend(Remover(project, lambda _known: engine, SilentProgress(), 60).reap(there))

    # In a thread: the second meets its lock as another process would.
    thread = threading.Thread(target=reap)
    thread.start()
    assert inside.wait(20)
    second = env("reap")
    assert "a busy: environment a is being worked on by" in second.stdout
    assert "slipway env delete" in second.stdout
    go_on.set()
    thread.join(20)
    assert [result.result for result in first] == ["removed"]
    assert engine.downs == ["a"]
    assert cluster.objects == {}


def test_a_create_that_was_killed_is_listed_and_reaped(
    env: Slipway, cluster: MemoryCluster, engine: MemoryEngine
) -> None:
    engine.leaves = True
    engine.fails["a"] = KeyboardInterrupt()
    env("create", "a", "--ttl", "1m", code=130)
    (entry,) = json.loads(env("list", "--json").stdout)["environments"]
    assert (entry["state"], entry["ready"]) == ("creating", 0)
    assert "(creating)" in env("list").stdout
    outdate(cluster, "a")
    assert "a removed" in env("reap").stdout
    assert cluster.objects == {}


def test_a_create_that_was_killed_goes_on_when_it_is_run_again(
    env: Slipway, cluster: MemoryCluster, engine: MemoryEngine
) -> None:
    engine.leaves = True
    engine.fails["a"] = KeyboardInterrupt()
    env("create", "a", code=130)
    first = found(cluster, "a")
    engine.fails.clear()
    env("create", "a")
    assert found(cluster, "a").id == first.id
    assert found(cluster, "a").state == "ready"


def test_a_lease_of_a_run_that_died_before_its_record_is_tidied_away(env: Slipway, cluster: MemoryCluster) -> None:
    cluster.put(lock.HOME)
    old = "2020-01-01T00:00:00.000000Z"
    cluster.put(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "slipway-environment.a", "namespace": "slipway"},
            "spec": {"holderIdentity": "x", "leaseDurationSeconds": 60, "acquireTime": old, "renewTime": old},
        }
    )
    env("reap")
    assert cluster.objects == {}


def test_wrong_wishes_are_one_message_and_ask_no_cluster(env: Slipway, cluster: MemoryCluster) -> None:
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


def test_a_cluster_that_does_not_answer_is_left_out_and_named(
    env: Slipway, clusters: dict[str | None, MemoryCluster], project: Path
) -> None:
    clusters["far"] = MemoryCluster("far", "far")
    text = (
        "config:\n  slipway:clusters: {far: {kind: existing, context: far}}\n  slipway:apps: {nginx: {cluster: far}}\n"
    )
    (project / "Pulumi.far.yaml").write_text(text, encoding="utf-8")
    env("create", "a")
    env("create", "b", "--from", "far")
    outdate(clusters["test"], "a")
    outdate(clusters["far"], "b")
    clusters["far"].silent = True
    result = env("reap")
    assert "left out: cluster far (context far) does not answer" in result.stderr
    assert "a removed" in result.stdout
    assert file_of(project, "b").exists()
    told = json.loads(env("list", "--json").stdout)
    assert told["environments"] == []
    assert list(told["unreachable"]) == ["far"]
    clusters["far"].silent = False
    assert "b removed" in env("reap").stdout
    assert clusters["far"].objects == {}


def test_no_cluster_at_all_is_an_error(env: Slipway, cluster: MemoryCluster) -> None:
    cluster.silent = True
    for command in ("list", "reap"):
        assert "no cluster of this project's stack files answers" in env(command, code=1).stderr


def test_one_on_two_clusters_goes_from_both(
    env: Slipway, clusters: dict[str | None, MemoryCluster], project: Path
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
    env("delete", "a")
    assert clusters["far"].objects == clusters["test"].objects == {}


def test_half_removed_from_two_clusters_is_finished(
    env: Slipway, clusters: dict[str | None, MemoryCluster], project: Path
) -> None:
    test_one_on_two_clusters_goes_from_both(env, clusters, project)
    env("create", "a", "--from", "both")
    far = clusters["far"]
    far.objects.clear()
    outdate(clusters["test"], "a")
    assert "a removed" in env("reap").stdout
    assert far.objects == clusters["test"].objects == {}


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


def test_an_error_of_a_tidying_step_does_not_hide_what_was_done(
    env: Slipway, cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    env("create", "a")
    outdate(cluster, "a")

    def broken(*_: object) -> list[str]:
        raise OpsError("leases cannot be listed")

    monkeypatch.setattr(remove, "forgotten", broken)
    assert "a removed" in env("reap").stdout
