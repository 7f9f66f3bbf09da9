"""`down`: what is protected, what is written down meanwhile, and the proof that nothing is left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ops import live
from ops.kube import Key
from tests.support.clock import Clock
from tests.support.fake_pulumi import PREFIX, begins, ends, resource, step
from tests.support.thing import thing

if TYPE_CHECKING:
    from tests.support.fake_pulumi import FakePulumi
    from tests.support.fake_pulumi import Run as Call
    from tests.support.memory import MemoryCluster
    from tests.unit.ops.conftest import Run

SERVICE = f"{PREFIX}kubernetes:core/v1:Service::h2o-example-service"
BUCKET = f"{PREFIX}aws:s3/bucket:Bucket::state"
SPACE = Key("", "Namespace", "", "h2o")
OURS = {live.STACK_LABEL: "dev"}
HELM = {"meta.helm.sh/release-name": "slipway-dev"}


def destroys(pulumi: FakePulumi) -> list[Call]:
    return [call for call in pulumi.calls if call.arguments[0] == "destroy"]


def gone(pulumi: FakePulumi, cluster: MemoryCluster) -> None:
    """Pulumi destroys everything."""
    cluster.objects.clear()
    removed = step("delete", SERVICE, {}, None)
    pulumi.on("^destroy", begins(removed), ends(removed), after={})


def test_everything_goes_and_the_backend_forgets_the_stack(
    there: FakePulumi, cluster: MemoryCluster, slipway: Run
) -> None:
    gone(there, cluster)
    done = slipway("down", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"changed": True, "kept": [], "unasked": []}
    assert there.state is None
    assert slipway("down").stdout.strip() == "stack dev: nothing to remove"
    assert len(destroys(there)) == 1


@pytest.mark.parametrize("cloud", [False, True])
def test_the_state_is_written_once_where_no_cloud_is_in_it(
    cloud: bool, there: FakePulumi, cluster: MemoryCluster, slipway: Run
) -> None:
    """A removal from a cluster that is killed can be begun again; what a cloud made is written down as it goes."""
    if cloud:
        there.state = {"resources": [*(there.state or {})["resources"], resource(BUCKET)]}
    gone(there, cluster)
    assert slipway("down").exit_code == 0
    (call,) = destroys(there)
    asked = {name: call.environment.get(name) for name in ("PULUMI_SKIP_CHECKPOINTS", "PULUMI_EXPERIMENTAL")}
    assert asked == dict.fromkeys(asked, None if cloud else "true")


def test_a_shared_backend_keeps_the_stack(
    there: FakePulumi, cluster: MemoryCluster, slipway: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its configuration and its history may be others' as well."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://state.example.com")
    gone(there, cluster)
    assert slipway("down").exit_code == 0
    assert there.state == {}


def test_what_is_in_no_state_carries_the_label_all_the_same(
    there: FakePulumi, cluster: MemoryCluster, slipway: Run
) -> None:
    """Made by a run that was killed before it could write it down; workloads go before their namespaces."""
    there.on("^destroy", after={})
    done = slipway("down")
    assert done.exit_code == 0, done.output
    assert "stack dev is gone, nothing is left" in done.stdout
    assert cluster.objects == {}
    kinds = [key.kind for key in cluster.deleted]
    assert kinds.index("Deployment") < kinds.index("Namespace")


@pytest.mark.parametrize("held", [True, False])
def test_who_holds_a_namespace_that_pulumi_gave_up_on_is_named(
    held: bool, there: FakePulumi, cluster: MemoryCluster, slipway: Run
) -> None:
    there.on("^destroy", error="error: h2o: timed out waiting for the condition")
    if held:
        left = {"status": "True", "message": "Some resources are remaining: configmaps. has 1 resource instances"}
        space = cluster.objects[SPACE]
        space["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        space["status"] = {"conditions": [left]}
        cluster.put(thing("ConfigMap", "h2o/kept", finalizers=["example.com/hold"]))
    done = slipway("down")
    assert done.exit_code == 1
    assert "timed out waiting for the condition" in done.stderr
    told = (
        "  Namespace h2o: Some resources are remaining: configmaps. has 1 resource instances\n"
        "    ConfigMap h2o/kept is held by its finalizer example.com/hold\n"
    )
    assert (told in done.stderr) is held


@pytest.mark.parametrize("goes", [True, False])
def test_a_volume_is_waited_for_and_named_where_it_stays(
    goes: bool, there: FakePulumi, cluster: MemoryCluster, slipway: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {"claimRef": {"namespace": "h2o"}, "persistentVolumeReclaimPolicy": "Retain"}
    cluster.put(thing("PersistentVolume", "pv-1", {"spec": spec}))
    there.on("^destroy", after={})
    monkeypatch.setattr("ops.cluster.removal.time", Clock(cluster.objects.clear if goes else None))
    done = slipway("down")
    assert done.exit_code == (0 if goes else 1)
    told = "stack dev on cluster local: still there after the removal:\n  PersistentVolume pv-1 (Retain)"
    assert (told in done.stderr) is not goes


def durable(cluster: MemoryCluster) -> None:
    """A durable namespace, and a claim as claim templates make it: without a word of its lifecycle."""
    cluster.objects[SPACE]["metadata"]["labels"] = {**OURS, live.LIFECYCLE_LABEL: "durable"}
    spec = {"resources": {"requests": {"storage": "2Gi"}}}
    cluster.put(thing("PersistentVolumeClaim", "h2o/data", {"spec": spec}, labels=OURS))


@pytest.mark.parametrize("by_label", [False, True])
def test_all_that_is_protected_is_named_before_anything_is_removed(
    by_label: bool, there: FakePulumi, cluster: MemoryCluster, slipway: Run
) -> None:
    """What is there counts: the settings say that the stack may vanish."""
    durable(cluster)
    flags = ["--by-label"] if by_label else []
    for wish in ([], ["--yes-remove-durable", "prod"]):
        done = slipway("down", *flags, *wish)
        assert done.exit_code == 1
        assert "  Namespace h2o: durable" in done.stderr
        assert "  PersistentVolumeClaim h2o/data (2Gi): its data goes with it" in done.stderr
        assert "slipway down --stack dev --yes-remove-durable dev" in done.stderr
    assert (destroys(there), cluster.calls) == ([], [])
    there.on("^destroy", after={})
    assert slipway("down", *flags, "--yes-remove-durable", "dev").exit_code == 0
    assert cluster.objects == {}


def test_what_the_state_protects_is_named_as_well(there: FakePulumi, slipway: Run) -> None:
    there.state = {"resources": [resource(SERVICE, protect=True), resource(BUCKET, protect=True)]}
    done = slipway("down")
    assert done.exit_code == 1
    assert "  Service n/nginx: protected by the program\n" in done.stderr
    assert "  aws:s3/bucket:Bucket state: protected by the program\n" in done.stderr
    assert destroys(there) == []


def test_what_a_cloud_protects_stays_and_what_a_cluster_protects_goes(
    there: FakePulumi, cluster: MemoryCluster, slipway: Run
) -> None:
    there.state = {"resources": [resource(SERVICE, protect=True), resource(BUCKET, protect=True, id="state-1")]}
    gone(there, cluster)
    there.on("^destroy .*--exclude-protected", begins(step("delete", SERVICE, {}, None)))
    done = slipway("down", "--yes-remove-durable", "dev", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["kept"] == ["aws:s3/bucket:Bucket state (state-1)"]
    assert there.state is not None
    assert {entry["urn"]: entry["protect"] for entry in there.state["resources"]} == {SERVICE: False, BUCKET: True}
    told = slipway("down", "--yes-remove-durable", "dev")
    assert "is gone, but for 1 protected resources of a cloud" in told.stdout


def test_a_stack_without_its_state_is_removed_by_label(
    pulumi: FakePulumi, cluster: MemoryCluster, slipway: Run
) -> None:
    cluster.put(thing("Namespace", "h2o", labels=OURS))
    cluster.put(thing("Namespace", "theirs"))
    done = slipway("down", "--by-label")
    assert done.exit_code == 0, done.output
    assert cluster.named("Namespace") == ["theirs"]
    assert pulumi.calls == []
    assert "nothing to remove" in slipway("down", "--by-label").stdout


@pytest.mark.parametrize("command", ["up", "preview", "drift", "refresh", "down"])
def test_a_stack_that_an_older_version_made_is_one_sentence(
    command: str, there: FakePulumi, cluster: MemoryCluster, slipway: Run
) -> None:
    cluster.objects[SPACE]["metadata"]["annotations"] = HELM
    done = slipway(command)
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert "was made by an older slipway, with Helm" in line
    assert "remove it once with `slipway down --by-label --stack dev`, its data included, and run this again" in line
    assert cluster.calls == []
    assert not [call for call in there.calls if call.arguments[0] in ("up", "preview", "refresh", "destroy")]


def test_a_stack_that_an_older_version_made_goes_with_its_home(
    there: FakePulumi, cluster: MemoryCluster, slipway: Run
) -> None:
    cluster.objects[SPACE]["metadata"]["annotations"] = HELM
    cluster.put(thing("Namespace", "slipway", labels={"app.kubernetes.io/managed-by": "slipway"}))
    stash = cluster.put(thing("Secret", "slipway/stash", labels=OURS))
    cluster.put(thing("ConfigMap", "slipway/kube-root-ca.crt"))
    other = cluster.put(thing("Secret", "slipway/another-stacks"))
    assert slipway("down", "--by-label").exit_code == 0
    assert cluster.named("Namespace") == ["slipway"]
    cluster.objects.pop(Key.of(other))
    cluster.put(stash)
    assert slipway("down", "--by-label").exit_code == 0
    assert cluster.objects == {}
    assert there.calls == []


@pytest.mark.usefixtures("clouded")
def test_clusters_that_clouds_make_are_not_proved_empty_by_label(
    cluster: MemoryCluster, pulumi: FakePulumi, slipway: Run
) -> None:
    done = slipway("down", "--by-label", "--json")
    assert json.loads(done.stdout)["unasked"] == ["cluster local: a cloud makes it"]
    assert (cluster.calls, pulumi.calls) == ([], [])
