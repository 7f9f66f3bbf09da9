"""`up` and `preview`: what is refused, what is asked, what is put right around Pulumi's own run."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ops.errors import BusyError
from ops.kube import Key
from ops.pulumi.up import refreshes, up
from tests.support.fake_pulumi import PREFIX, begins, complains, ends, operation, resource, step
from tests.support.thing import thing

if TYPE_CHECKING:
    from pathlib import Path

    from ops.stack import Stack
    from tests.support.fake_pulumi import FakePulumi
    from tests.support.memory import MemoryCluster
    from tests.unit.ops.conftest import Run

SERVICE = f"{PREFIX}kubernetes:core/v1:Service::h2o-example-service"
SPACE = f"{PREFIX}kubernetes:core/v1:Namespace::db-namespace"
OURS = {"slipway.dev/stack": "dev"}


def edited(dev: Stack) -> dict[str, Any]:
    """The app's Service with a label that somebody added by hand, as a refresh reads it."""
    (service,) = [item for item in dev.manifests("local") if item["kind"] == "Service"]
    fields: dict[str, Any] = {"manager": "kubectl-label", "fieldsV1": {"f:metadata": {"f:labels": {"f:theirs": {}}}}}
    labels = {**service["metadata"]["labels"], "theirs": "1"}
    return {**service, "metadata": {**service["metadata"], "labels": labels, "managedFields": [fields]}}


def read(item: dict[str, Any], provider: str) -> dict[str, Any]:
    """The event of a refresh that read an object."""
    return ends(step("refresh", SERVICE, item, item, provider=provider))


def test_a_stack_that_is_as_it_should_be_is_asked_once(there: FakePulumi, cluster: MemoryCluster, slipway: Run) -> None:
    done = slipway("up")
    assert done.exit_code == 0, done.output
    assert "stack dev is up, no changes (Pulumi v3.205.0)" in done.stdout
    assert "2/2" in done.stdout
    assert there.ran() == ["stack export", "up"]
    assert "--refresh" in there.calls[1].line
    assert cluster.calls == []


def test_what_was_changed_is_told_to_programs(there: FakePulumi, provider: str, slipway: Run) -> None:
    entry = step("create", SERVICE, None, {}, provider=provider)
    there.on("^up", begins(entry), ends(entry))
    done = slipway("up", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["pulumi"], told["changed"]) == ("v3.205.0", True)
    assert [(app["name"], app["ready"]) for app in told["apps"]] == [("h2o-example", 2)]


def test_the_history_says_why(there: FakePulumi, dev: Stack) -> None:
    up(there.cli, dev, 10, message="release h2o-example 2f9a0c1")
    assert "--message release h2o-example 2f9a0c1" in there.calls[1].line


def test_what_carries_the_label_and_nobody_makes_goes(there: FakePulumi, cluster: MemoryCluster, slipway: Run) -> None:
    cluster.put(thing("ConfigMap", "h2o/theirs", labels=OURS))
    done = slipway("preview", "--json")
    assert [(c["operation"], c["name"]) for c in json.loads(done.stdout)["objects"]] == [
        ("delete", "ConfigMap h2o/theirs")
    ]
    assert cluster.calls == []
    done = slipway("up")
    assert done.exit_code == 0, done.output
    assert "no changes" not in done.stdout
    assert [str(key) for key in cluster.deleted] == ["ConfigMap h2o/theirs"]
    assert there.locked is False


@pytest.mark.parametrize("how", ["in the state", "being made"])
def test_what_left_the_program_is_left_to_pulumi(
    how: str, there: FakePulumi, cluster: MemoryCluster, provider: str, slipway: Run
) -> None:
    old = cluster.put(thing("ConfigMap", "h2o/old", labels=OURS))
    urn = f"{PREFIX}kubernetes:core/v1:ConfigMap::old"
    entry = {**operation(urn, "creating")["resource"], "inputs": old, "provider": provider}
    state = there.state or {}
    if how == "in the state":
        there.state = {"resources": [*state["resources"], entry]}
    else:
        there.state = {**state, "pending_operations": [{"resource": entry, "type": "creating"}]}
    assert slipway("up").exit_code == 0
    assert cluster.deleted == []


def test_a_field_that_somebody_added_is_shown_and_taken_out(
    there: FakePulumi, cluster: MemoryCluster, dev: Stack, provider: str, slipway: Run
) -> None:
    live = edited(dev)
    cluster.put(live)
    there.on("^(up|preview)", read(live, provider))
    (change,) = json.loads(slipway("preview", "--json").stdout)["objects"]
    assert (change["operation"], change["cluster"], change["name"]) == ("update", "local", "Service h2o/h2o-example")
    assert "-    theirs: '1'" in change["diff"]
    assert cluster.calls == []
    done = slipway("up")
    assert "no changes" not in done.stdout
    assert cluster.calls == [("replace", Key.of(live))]
    assert "theirs" not in cluster.objects[Key.of(live)]["metadata"]["labels"]


def test_a_preview_shows_what_pulumi_would_do(
    there: FakePulumi, cluster: MemoryCluster, dev: Stack, provider: str, slipway: Run
) -> None:
    assert slipway("preview").stdout.strip() == "stack dev: no changes"
    assert "--refresh" in there.calls[-1].line
    (before,) = [item for item in dev.manifests("local") if item["kind"] == "Service"]
    after = {**before, "spec": {**before["spec"], "type": "ExternalName"}}
    there.on("^preview", begins(step("update", SERVICE, before, after, provider=provider)))
    done = slipway("preview")
    assert "~ update Service h2o/h2o-example" in done.stdout
    assert "+  type: ExternalName" in done.stdout
    assert "stack dev: 1 to update" in done.stdout
    assert (done.exit_code, cluster.calls) == (0, [])


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("error", ["", "error: no"])
def test_a_preview_of_a_new_stack_makes_nothing(
    error: str,
    shared: bool,
    pulumi: FakePulumi,
    cluster: MemoryCluster,
    dev: Stack,
    slipway: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither on the cluster nor in the backend, and no salt in the stack file."""
    if shared:
        monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://state.example.com")
    file = dev.directory / "Pulumi.dev.yaml"
    before = file.read_bytes()
    create = begins(step("create", SERVICE, None, {}, provider=dev.cluster("local").provider))
    pulumi.on("^preview", create, error=error)
    done = slipway("preview")
    assert ("stack dev: 1 to create" in done.stdout) is not bool(error), done.output
    assert pulumi.ran() == ["stack export", "stack init", "preview", "stack rm"]
    assert (pulumi.state, cluster.objects, file.read_bytes()) == (None, {}, before)


def test_pods_that_are_missing_are_waited_for(there: FakePulumi, cluster: MemoryCluster, slipway: Run) -> None:
    for item in cluster.objects.values():
        item.pop("status", None)
    done = slipway("up", "--timeout", "1")
    assert done.exit_code == 1
    assert "is installed as it should be, but not all is ready" in done.stderr
    assert there.ran()[-1] == "up"


def test_what_failed_is_told_with_the_reason_of_the_pods(
    there: FakePulumi, cluster: MemoryCluster, slipway: Run
) -> None:
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "h2o:0"'}
    status = {"phase": "Pending", "containerStatuses": [{"name": "h2o", "state": {"waiting": waiting}}]}
    cluster.put(thing("Pod", "h2o/h2o-1", {"status": status}, labels=OURS))
    there.on("^up", complains("timed out", SERVICE), complains("update failed"), error="error: update failed")
    done = slipway("up")
    assert done.exit_code == 1
    assert "stack dev: the update failed: h2o-example-service: timed out" in done.stderr
    assert 'pod h2o/h2o-1, container h2o: ImagePullBackOff: Back-off pulling image "h2o:0"' in done.stderr
    assert "Pulumi does not roll back; pods of the revision before keep serving" in done.stderr
    assert "Traceback" not in done.output


def test_without_events_the_last_words_are_told(there: FakePulumi, slipway: Run) -> None:
    there.on("^up", error="error: could not load plugin\n")
    assert "the update failed: could not load plugin" in slipway("up").stderr


def test_a_stack_file_that_was_changed_while_it_waited_is_not_applied(
    there: FakePulumi, cluster: MemoryCluster, dev: Stack
) -> None:
    dev.refuse_changed()
    file = dev.directory / "Pulumi.dev.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace('revision: "1"', 'revision: "2"'), encoding="utf-8")
    with pytest.raises(BusyError, match=r"Pulumi\.dev\.yaml was changed while this run waited"):
        up(there.cli, dev, 10)
    assert (there.calls, cluster.calls) == ([], [])


@pytest.mark.parametrize("command", ["up", "preview"])
def test_what_is_somebody_elses_is_refused_before_anything(
    command: str, there: FakePulumi, cluster: MemoryCluster, slipway: Run
) -> None:
    space = cluster.objects[Key("", "Namespace", "", "h2o")]
    space["metadata"]["labels"] = {"slipway.dev/stack": "pr-7"}
    done = slipway(command)
    assert done.exit_code == 1
    assert "somebody else made the namespaces h2o (of stack pr-7)" in done.stderr
    space["metadata"]["labels"] = OURS
    cluster.put(thing("Service", "h2o/web", {"spec": {"ports": [{"port": 80, "nodePort": 30080}]}}))
    done = slipway(command)
    assert done.exit_code == 1
    assert "30080, wanted for h2o/h2o-example, is h2o/web's" in done.stderr
    assert (there.calls, cluster.calls) == ([], [])


def test_a_stack_with_a_cloud_is_not_asked_resource_by_resource(dev: Stack) -> None:
    assert refreshes(dev)
    clusters = {**dev.rendered.clusters, "far": replace(dev.cluster("local"), name="far", kind="gke")}
    assert not refreshes(replace(dev, rendered=replace(dev.rendered, clusters=clusters)))


def test_environments_of_the_shell_do_not_reach_the_stacks_own_state(
    there: FakePulumi, slipway: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "the shell's")
    assert slipway("up").exit_code == 0
    for call in there.calls:
        assert "PULUMI_CONFIG_PASSPHRASE" not in call.environment
        assert call.environment["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(tmp_path / "data" / "slipway" / "passphrase")


@pytest.fixture
def leaving(there: FakePulumi, cluster: MemoryCluster, provider: str) -> FakePulumi:
    """An app of a durable stack that has left the stack file: its namespace is protected in the state."""
    space = thing("Namespace", "db", labels=OURS)
    cluster.put(space)
    cluster.put(thing("PersistentVolumeClaim", "db/data", {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}))
    entry = resource(SPACE, space, protect=True, provider=provider)
    there.state = {"resources": [*(there.state or {})["resources"], entry]}
    there.on("^(up|preview)", begins(step("delete", SPACE, space, None, provider=provider)))
    return there


@pytest.mark.parametrize("command", [["up"], ["preview"], ["up", "--yes-remove-durable", "prod"]])
def test_what_holds_data_of_an_app_that_leaves_goes_by_name_alone(
    command: list[str], leaving: FakePulumi, slipway: Run
) -> None:
    done = slipway(*command)
    assert done.exit_code == 1
    assert "  Namespace db\n    with PersistentVolumeClaim db/data (1Gi)\n" in done.stderr
    assert "slipway up --stack dev --yes-remove-durable dev" in done.stderr
    assert set(leaving.ran()) == {"stack export"}


def test_data_goes_where_the_stack_is_named(leaving: FakePulumi, slipway: Run) -> None:
    assert slipway("up", "--yes-remove-durable", "dev").exit_code == 0
    protected = [entry["urn"] for entry in (leaving.state or {})["resources"] if entry.get("protect")]
    assert protected == []
    # Of a stack that may vanish, a preview names the volumes.
    (change,) = json.loads(slipway("preview", "--json").stdout)["objects"]
    assert (change["name"], change["note"]) == (
        "Namespace db",
        "with its data: PersistentVolumeClaim db/data (1Gi)",
    )
