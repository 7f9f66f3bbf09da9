"""What Pulumi's engine tells: errors, how far it is, changes, differences, what is there."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from pulumi.automation.events import EngineEvent

from ops.pulumi.events import EventLog
from ops.pulumi.results import Change, Preview
from tests.support.fake_pulumi import PREFIX, begins, complains, ends, resource, step

if TYPE_CHECKING:
    import pytest

    from ops.stack import Stack

BUCKET = f"{PREFIX}aws:s3/bucket:Bucket::state"
SERVICE = f"{PREFIX}kubernetes:core/v1:Service::nginx"
STACK = f"{PREFIX}pulumi:pulumi:Stack::slipway-dev"


def stack(**ignored: list[str]) -> Stack:
    """A stack with one cluster, whose Service `nginx` has these resource options."""
    provider = f"{PREFIX}pulumi:providers:kubernetes::k"
    plan = {"resources": [{"urn": SERVICE, "options": ignored}]}
    rendered = SimpleNamespace(clusters={"local": SimpleNamespace(name="local", provider=provider)}, plan=plan)
    return cast("Stack", SimpleNamespace(rendered=rendered))


def told(*events: dict[str, Any], log: EventLog | None = None) -> EventLog:
    log = log or EventLog()
    for event in events:
        log(EngineEvent.from_json(event))  # pyright: ignore[reportUnknownMemberType] - untyped library
    return log


def service(port: int, **metadata: Any) -> dict[str, Any]:
    inputs = resource(SERVICE)["inputs"]
    return {**inputs, "metadata": {**inputs["metadata"], **metadata}, "spec": {"ports": [{"port": port}]}}


def test_errors_name_their_resource_and_last_words_that_say_nothing_are_left_out() -> None:
    log = told(
        complains("<{%reset%}>no such host<{%reset%}>\n", SERVICE),
        complains("<{%fg 1%}>error: <{%reset%}>it cannot be", ""),
        complains("update failed"),
        complains("destroy failed"),
        complains("resource plugin kubernetes is expected to have version >=4.34.2", severity="warning"),
        complains(""),
    )
    assert log.errors == ["nginx: no such host", "it cannot be"]


def test_how_far_it_is_and_what_it_has_been_at_for_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    log = told(begins(step("same", STACK, {}, {})))
    assert log.summary() == ""
    assert not log.changed
    for number in range(4):
        told(begins(step("create", f"{BUCKET}{number}", None, {})), log=log)
        now[0] += 10
    assert log.summary() == (
        "0 resources done; creating aws:s3/bucket:Bucket state0 (40 s), "
        "creating aws:s3/bucket:Bucket state1 (30 s) and 2 more"
    )
    told(begins(step("update", SERVICE, service(80), service(81))), log=log)
    told(*(ends(step("create", f"{BUCKET}{number}", None, {})) for number in range(4)), log=log)
    assert log.summary() == "4 resources done; updating Service n/nginx (0 s)"
    told(ends(step("update", SERVICE, service(80), service(81))), log=log)
    assert log.summary() == "5 resources done"
    assert log.changed


def test_the_first_change_of_a_real_resource_is_told_once() -> None:
    began: list[int] = []
    log = EventLog(lambda: began.append(1))
    told(begins(step("same", SERVICE, service(80), service(80))), begins(step("create", STACK, None, {})), log=log)
    assert began == []
    told(begins(step("create", SERVICE, None, service(80))), begins(step("delete", BUCKET, {}, None)), log=log)
    assert began == [1]


def test_changes_are_of_real_resources_with_a_diff_for_what_is_there() -> None:
    component = step("create", f"{PREFIX}slipway:workloads:Service::nginx", None, {})
    component["new"]["custom"] = False
    log = told(
        begins(step("create", STACK, None, {})),
        begins(component),
        begins(step("create", SERVICE, None, service(80))),
        begins(step("update", BUCKET, {"acl": "private"}, {"acl": "public"})),
        begins(step("replace", f"{BUCKET}2", {"name": "a"}, {"name": "b"})),
        begins(step("create-replacement", f"{BUCKET}2", {"name": "a"}, {"name": "b"})),
        begins(step("delete", f"{BUCKET}3", {"acl": "private"}, None)),
        begins(step("same", f"{BUCKET}4", {}, {})),
        begins(step("read", f"{BUCKET}5", {}, {})),
    )
    found = log.changes(stack())
    assert [(c.operation, c.cluster, c.name) for c in found] == [
        ("create", "local", "Service n/nginx"),
        ("update", "local", "aws:s3/bucket:Bucket state"),
        ("replace", "local", "aws:s3/bucket:Bucket state2"),
        ("delete", "local", "aws:s3/bucket:Bucket state3"),
    ]
    assert [bool(c.diff) for c in found] == [False, True, True, False]
    assert "-acl: private\n+acl: public" in found[1].diff


def test_what_no_cluster_made_is_a_clouds() -> None:
    cloud = step("create", BUCKET, None, {}, provider=f"{PREFIX}pulumi:providers:aws::a")
    assert [change.cluster for change in told(begins(cloud)).changes(stack())] == [None]


def test_a_refresh_tells_what_was_changed_and_deleted_and_not_what_is_the_same() -> None:
    bucket = {"versioning": True}
    log = told(
        ends(step("update", SERVICE, service(80), service(81))),
        ends(step("delete", BUCKET, bucket, None)),
        ends(step("same", f"{BUCKET}2", bucket, bucket)),
        ends(step("refresh", f"{BUCKET}3", bucket, bucket)),
    )
    changed, deleted = log.differences(stack())
    assert (changed.kind, changed.cluster, changed.name) == ("changed", "local", "Service n/nginx")
    assert "-  - port: 81" in changed.diff
    assert "+  - port: 80" in changed.diff
    assert (deleted.kind, deleted.name, deleted.diff) == ("deleted", "aws:s3/bucket:Bucket state", "")


def test_what_the_program_ignores_is_no_difference() -> None:
    """An autoscaler's replicas, say."""
    log = told(ends(step("update", SERVICE, service(80), service(81))))
    assert log.differences(stack(ignoreChanges=["spec.ports", "spec.none"])) == []
    relabelled = service(81, labels={"theirs": "1"})
    log = told(ends(step("update", SERVICE, service(80), relabelled)))
    (found,) = log.differences(stack(ignoreChanges=["spec.ports"]))
    assert "theirs" in found.diff
    assert "port: 81" not in found.diff


def test_a_provider_that_reads_no_inputs_shows_the_outputs_that_it_named() -> None:
    set_by_program = {"acl": "private"}
    entry = step("update", BUCKET, set_by_program, set_by_program, detailedDiff={"acl": {"diffKind": "update"}})
    entry["old"]["outputs"] = {"acl": "private", "etag": "1"}
    entry["new"]["outputs"] = {"acl": "public", "etag": "2"}
    (found,) = told(ends(entry)).differences(stack())
    assert "-acl: public" in found.diff
    assert "+acl: private" in found.diff
    assert "etag" not in found.diff


def test_a_secret_is_masked_in_every_diff() -> None:
    def secret(value: str) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"password": value}}

    urn = f"{PREFIX}kubernetes:core/v1:Secret::s"
    change = step("update", urn, secret("b2xkLXZhbHVl"), secret("bmV3LXZhbHVl"))
    log = told(begins(change), ends(change))
    for diff in (log.changes(stack())[0].diff, log.differences(stack())[0].diff):
        assert "[secret, changed]" in diff
        assert "b2xkLXZhbHVl" not in diff
        assert "bmV3LXZhbHVl" not in diff


def test_what_is_there_is_what_the_refresh_read_before_the_run() -> None:
    before = service(80, managedFields=[{"manager": "kubectl-edit"}])
    after = service(80, managedFields=[{"manager": "pulumi"}])
    log = told(
        ends(step("refresh", SERVICE, service(80), before)),
        ends(step("update", SERVICE, service(80), after)),
        ends(step("same", f"{SERVICE}2", service(80), service(80))),
        ends(step("same", BUCKET, {}, after, provider=f"{PREFIX}pulumi:providers:aws::a")),
    )
    assert log.live(stack()) == {"local": [before]}


def test_a_preview_counts() -> None:
    found = Preview([Change("create", "c", "A"), Change("create", "c", "B"), Change("delete", "c", "C")])
    assert found.as_dict()["counts"] == {"create": 2, "update": 0, "replace": 0, "delete": 1}
    assert found.as_dict()["objects"][0] == {"operation": "create", "cluster": "c", "name": "A", "diff": ""}
