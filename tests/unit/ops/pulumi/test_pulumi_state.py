"""Pulumi's state: pending operations, protection, who holds the lock."""

from __future__ import annotations

import socket
import subprocess

import pytest

from ops.pulumi import state
from tests.support.fake_pulumi import PREFIX, operation, resource

BUCKET = f"{PREFIX}aws:s3/bucket:Bucket::state"
SERVICE = f"{PREFIX}kubernetes:core/v1:Service::nginx"


def test_who_holds_the_lock_is_read_from_the_refusal() -> None:
    refusal = (
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the "
        "lock file with `pulumi cancel`.\n  s3://b/.pulumi/locks/x.json: created by me@far (pid 7) at "
        "2026-11-21T06:00:00Z"
    )
    (holder,) = state.holders(refusal)
    assert str(holder) == "me@far, process 7, since 2026-11-21T06:00:00Z"
    assert not holder.gone
    assert state.holders("error: [409] Conflict: Another update is currently in progress.") == []


@pytest.mark.parametrize(("name", "gone"), [("pulumi", False), ("something-else", True)])
def test_a_holder_on_this_machine_is_gone_when_its_process_is(name: str, gone: bool) -> None:
    """A process of its number that is no Pulumi was given the number again."""
    command, pipe = [name, "-c", "echo; read line"], subprocess.PIPE
    with subprocess.Popen(command, executable="/bin/sh", stdin=pipe, stdout=pipe) as process:
        assert process.stdout
        process.stdout.readline()
        assert state.Holder("me", socket.gethostname(), process.pid, "t").gone is gone
        process.kill()
    assert state.Holder("me", socket.gethostname(), process.pid, "t").gone


def test_protected_are_resources_and_no_components() -> None:
    component = {**resource(f"{PREFIX}slipway:x:Y::y"), "custom": False, "protect": True}
    deployment = {"resources": [resource(BUCKET, protect=True), resource(SERVICE), component]}
    assert [entry["urn"] for entry in state.protected(deployment)] == [BUCKET]
    assert state.protected({}) == []


ON_CLUSTERS = ("kubernetes:core/v1:Service", "pulumi:providers:kubernetes", "pulumi:providers:pulumi")
BESIDE = ("pulumi:pulumi:Stack", "pulumi:index:Stash")
CLOUDS = ("aws:s3/bucket:Bucket", "pulumi:providers:aws", "kubernetes-ng:x:Y")


def test_whether_a_state_is_about_clusters_alone() -> None:
    component = {**resource(f"{PREFIX}slipway:clouds:Gke::c"), "custom": False}
    alone = [component, *(resource(f"{PREFIX}{token}::x") for token in (*ON_CLUSTERS, *BESIDE))]
    assert state.only_on_clusters({"resources": alone})
    for token in CLOUDS:
        assert not state.only_on_clusters({"resources": [*alone, resource(f"{PREFIX}{token}::x")]})


def test_what_may_have_been_made_takes_the_place_of_what_it_replaces() -> None:
    made = {**resource(SERVICE), "id": "n/nginx"}
    left_open = {"manifest": 1, "pending_operations": [operation(SERVICE, "creating"), operation(BUCKET, "creating")]}
    rest = {"manifest": 1, "pending_operations": [operation(BUCKET, "creating")]}
    other = resource(f"{SERVICE}2")
    replaced, leaving = resource(SERVICE, pendingReplacement=True), resource(SERVICE, delete=True)
    for before, after in (
        ([], [made]),
        ([other], [other, made]),
        ([replaced, other], [made, other]),
        ([leaving, other], [leaving, other, made]),
    ):
        found = state.with_created({**left_open, "resources": before}, {SERVICE, BUCKET})
        assert found == {**rest, "resources": after}


def test_an_object_of_the_whole_cluster_is_known_by_its_name() -> None:
    role = operation(f"{PREFIX}kubernetes:rbac.authorization.k8s.io/v1:ClusterRole::reader", "creating")
    role["resource"]["inputs"] = {"kind": "ClusterRole", "metadata": {"name": "reader"}}
    assert [p.object_id for p in state.pending({"pending_operations": [role]})] == ["reader"]
