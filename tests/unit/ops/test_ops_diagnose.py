"""The parts of the engines: differences, generated credentials, releases, pods in trouble."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from ops.diagnose import HOPELESS_RESTARTS, explain, troubles
from ops.engines import differences, stash
from ops.engines.base import Change, Preview
from ops.engines.release import last_words, owned, records, release_name
from ops.engines.stateful import free_stateful_sets
from ops.engines.watch import Patience
from ops.errors import OpsError
from ops.kube import Key
from ops.live import Inventory
from ops.render.result import App, SecretManifest

if TYPE_CHECKING:
    from ops.kube import Kubectl
    from tests.support.programs import FakeProgram

RELEASE = "slipway-dev"
PASSWORD = "Hq3vXh0JQm1b2c3d4e5f6g7h8i9j0kAB"  # noqa: S105 - a value of the test


def config_map(name: str, value: str = "1", **metadata: object) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "n", **metadata},
        "data": {"key": value},
    }


def live(item: dict[str, Any], **metadata: object) -> dict[str, Any]:
    """An object as the server has it."""
    marked = owned(item, RELEASE)
    server: dict[str, Any] = {
        "uid": "u",
        "resourceVersion": "7",
        "generation": 3,
        "managedFields": [{}],
        "creationTimestamp": "t",
    }
    return {**marked, "metadata": {**marked["metadata"], **server, **metadata}, "status": {"x": 1}}


def there(*objects: dict[str, Any]) -> Inventory:
    return Inventory({Key.of(item): item for item in objects})


def compare(
    kubectl: Kubectl, fake: FakeProgram, wanted: list[dict[str, Any]], inventory: Inventory, answers: list[Any]
) -> differences.Comparison:
    fake.on("apply .*--dry-run=server", answers)
    return differences.chart_changes(kubectl, wanted, RELEASE, inventory)


def test_no_difference_where_only_the_server_wrote(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    wanted = config_map("a")
    answer = live(wanted, resourceVersion="8", generation=4, managedFields=[{"manager": "helm"}])
    assert compare(kubectl, fake_kubectl, [wanted], there(live(wanted)), [answer]) == differences.Comparison()


def test_a_new_object_is_created_and_not_asked_about(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    found = compare(kubectl, fake_kubectl, [config_map("a")], there(), [])
    assert found == differences.Comparison([Change("create", "local", "ConfigMap n/a")])
    assert fake_kubectl.calls == []


def test_a_change_shows_just_its_lines(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    before, wanted = live(config_map("a", "1")), config_map("a", "2")
    (change,) = compare(kubectl, fake_kubectl, [wanted], there(before), [live(wanted)]).changes
    assert (change.operation, change.name) == ("update", "ConfigMap n/a")
    changed = [line for line in change.diff.splitlines()[2:] if line[0] in "+-"]
    assert changed == ["-  key: '1'", "+  key: '2'"]
    for noise in ("managedFields", "resourceVersion", "uid", "status"):
        assert noise not in change.diff


def test_the_dry_run_carries_the_marks_that_helm_will_add(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    wanted = config_map("a")
    compare(kubectl, fake_kubectl, [wanted], there(live(wanted)), [live(wanted)])
    (sent,) = json.loads(fake_kubectl.calls[0].stdin)["items"]
    assert sent["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
    assert sent["metadata"]["annotations"] == {
        "meta.helm.sh/release-name": RELEASE,
        "meta.helm.sh/release-namespace": "slipway",
    }
    assert "annotations" not in wanted["metadata"]


def test_what_left_the_stack_is_deleted_but_not_what_is_another_releases(
    kubectl: Kubectl, fake_kubectl: FakeProgram
) -> None:
    foreign = owned(config_map("theirs"), "slipway-dev-other")
    found = compare(kubectl, fake_kubectl, [], there(live(config_map("old")), foreign), [])
    assert found.changes == [Change("delete", "local", "ConfigMap n/old")]
    assert found.gone == [Key("", "ConfigMap", "n", "old")]


def test_what_is_inside_a_namespace_that_goes_is_not_listed(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    found = compare(kubectl, fake_kubectl, [], there(live(space), live(config_map("inside"))), [])
    assert found.changes == [Change("delete", "local", "Namespace n")]


def test_a_change_that_the_server_does_not_take_is_told(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("apply", err="admission webhook denied the request: no", code=1)
    with pytest.raises(OpsError, match="denied the request"):
        differences.chart_changes(kubectl, [config_map("a")], RELEASE, there(live(config_map("a"))))


def claim(size: str) -> dict[str, Any]:
    found = config_map("data")
    return {**found, "kind": "PersistentVolumeClaim", "data": {}, "spec": {"size": size}}


def test_data_is_not_replaced(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("apply", err="PersistentVolumeClaim is invalid: spec: Forbidden: field is immutable", code=1)
    with pytest.raises(OpsError, match=r"field is immutable\nwhat cannot be changed in place and may hold data"):
        differences.chart_changes(kubectl, [claim("1Gi")], RELEASE, there(live(claim("2Gi"))))


def test_what_holds_no_data_and_cannot_be_changed_is_replaced(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    wanted = config_map("a", "2")
    before = live({**config_map("a", "1"), "immutable": True})
    fake_kubectl.on("apply", err="ConfigMap is invalid: data: Forbidden: field is immutable when set", code=1)
    found = differences.chart_changes(kubectl, [wanted], RELEASE, there(before))
    assert found.replaced == [Key("", "ConfigMap", "n", "a")]
    (change,) = found.changes
    assert (change.operation, change.name) == ("replace", "ConfigMap n/a")
    assert [line for line in change.diff.splitlines()[2:] if line[0] in "+-"] == ["-  key: '1'", "+  key: '2'"]


def secret(data: dict[str, str]) -> SecretManifest:
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": "n", "labels": {"slipway.dev/stack": "dev"}},
        "type": "Opaque",
        "stringData": data,
    }
    return SecretManifest(manifest, ("db-password",))


def test_generated_values_are_strong_and_stay() -> None:
    first = stash.draw({}, ["a", "b"])
    assert all(re.fullmatch(r"[A-Za-z0-9]{32}", value) for value in first.values())
    assert first["a"] != first["b"]
    assert stash.draw(first, ["b", "c"])["b"] == first["b"]
    assert "a" not in stash.draw(first, ["b"])


def test_a_secret_is_filled_in_memory() -> None:
    manifest = stash.filled(
        secret({"user": "app", "url": "db://app:${db-password.output}@db"}), {"db-password": PASSWORD}
    )
    decoded = {k: base64.b64decode(v).decode() for k, v in manifest["data"].items()}
    assert decoded == {"user": "app", "url": f"db://app:{PASSWORD}@db"}
    assert "stringData" not in manifest
    assert stash.is_ours(manifest)


def test_a_changed_secret_is_told_without_its_value() -> None:
    values = {"db-password": PASSWORD}
    wanted = stash.filled(secret({"password": "${db-password.output}", "user": "app"}), values)
    old = {**wanted, "data": {**wanted["data"], "password": base64.b64encode(b"old-value").decode()}}
    found = differences.secret_changes(
        "local", [secret({"password": "${db-password.output}", "user": "app"})], values, there(old)
    )
    assert [c.operation for c in found.changes] == ["update"]
    assert (found.apply, found.gone, found.added) == ([wanted], [], {})
    shown = found.changes[0].diff
    assert "-  password: '[secret]'" in shown
    assert "+  password: '[secret, changed]'" in shown
    for value in (PASSWORD, "old-value"):
        assert value not in shown
        assert base64.b64encode(value.encode()).decode() not in shown


def test_an_unchanged_secret_is_no_change_and_one_that_left_is_deleted() -> None:
    values = {"db-password": PASSWORD}
    wanted = stash.filled(secret({"password": "${db-password.output}"}), values)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    assert (
        differences.secret_changes(
            "local", [secret({"password": "${db-password.output}"})], values, there(wanted, space)
        )
        == differences.SecretComparison()
    )
    found = differences.secret_changes("local", [], {}, there(wanted, space))
    assert [c.operation for c in found.changes] == ["delete"]
    assert (found.apply, found.gone) == ([], [Key("", "Secret", "n", "db")])


def test_an_entry_that_somebody_added_to_a_secret_is_taken_out() -> None:
    values = {"db-password": PASSWORD}
    wanted = stash.filled(secret({"password": "${db-password.output}"}), values)
    more = {**wanted, "data": {**wanted["data"], "extra": base64.b64encode(b"theirs").decode()}}
    found = differences.secret_changes("local", [secret({"password": "${db-password.output}"})], values, there(more))
    assert found.added == {Key("", "Secret", "n", "db"): [("f:data", "f:extra")]}
    assert "-  extra: '[secret]'" in found.changes[0].diff


def test_stash_goes_over_standard_input(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("apply", [])
    stash.keep(kubectl, "dev", {"db-password": PASSWORD})
    (call,) = fake_kubectl.calls
    assert PASSWORD not in call.line
    stored = json.loads(call.stdin)["items"][0]
    fake_kubectl.on("get secrets slipway-stash-dev -n slipway", [stored])
    assert stash.read(kubectl, "dev") == {"db-password": PASSWORD}


def release_record(revision: int, status: str, cluster: str = "local", name: str = RELEASE) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"sh.helm.release.v1.{name}.v{revision}",
            "namespace": "slipway",
            "labels": {
                "owner": "helm",
                "name": name,
                "version": str(revision),
                "status": status,
                "slipway.dev/cluster": cluster,
            },
        },
    }


def test_records_come_in_order_and_only_of_the_cluster() -> None:
    inventory = there(
        release_record(10, "pending-upgrade"), release_record(9, "deployed"), release_record(1, "deployed", "other")
    )
    found = records(inventory.objects, "local")
    assert [(r.revision, r.status, r.pending) for r in found] == [(9, "deployed", False), (10, "pending-upgrade", True)]


def test_a_release_keeps_its_name() -> None:
    assert release_name("dev", "local", ["local"], []) == "slipway-dev"
    assert release_name("dev", "two", ["one", "two"], []) == "slipway-dev-two"
    known = records(there(release_record(1, "deployed", "one")).objects, "one")
    assert release_name("dev", "one", ["one", "two"], known) == RELEASE


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("", "no message"),
        ('level=WARN msg="upgrade failed"\nError: UPGRADE FAILED: context deadline exceeded\n', "UPGRADE FAILED"),
        ("something else\n", "something else"),
    ],
)
def test_helms_last_words(output: str, said: str) -> None:
    assert last_words(output).startswith(said)


def pod(name: str, **status: object) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "n"}, "status": status}


RUNNING: dict[str, Any] = {"name": "web", "ready": False, "state": {"running": {}}}


def waiting(reason: str, message: str = "", restarts: int = 0) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"name": "web", "ready": False, "restartCount": restarts, "state": state}


def test_pods_in_trouble_are_told_with_the_reason() -> None:
    found = troubles(
        [
            pod("fine", phase="Running", conditions=[{"type": "Ready", "status": "True"}]),
            pod("image", phase="Pending", containerStatuses=[waiting("ImagePullBackOff", "no such image")]),
            pod("crash", phase="Running", containerStatuses=[waiting("CrashLoopBackOff", "back-off", 5)]),
            pod("starting", phase="Pending", containerStatuses=[waiting("ContainerCreating")]),
            pod("slow", phase="Running", containerStatuses=[RUNNING]),
            pod(
                "nowhere",
                phase="Pending",
                conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1"}],
            ),
            pod("done", phase="Succeeded"),
            {**pod("going", phase="Running"), "metadata": {"name": "g", "namespace": "n", "deletionTimestamp": "t"}},
        ]
    )
    assert [(t.pod, t.reason, t.hopeless) for t in found] == [
        ("image", "ImagePullBackOff", True),
        ("crash", "CrashLoopBackOff", True),
        ("starting", "Pending", False),
        ("slow", "NotReady", False),
        ("nowhere", "Unschedulable", False),
    ]
    assert HOPELESS_RESTARTS == 5


def test_patience_ends_only_for_the_same_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("ops.engines.watch.time.monotonic", lambda: now[0])
    bad = troubles([pod("a", phase="Pending", containerStatuses=[waiting("ErrImagePull")])])
    other = troubles([pod("b", phase="Pending", containerStatuses=[waiting("ErrImagePull")])])
    patience = Patience(45)
    assert patience.exhausted(bad) is None
    now[0] += 44
    assert patience.exhausted(bad) is None
    assert patience.exhausted(other) is None
    now[0] += 2
    assert patience.exhausted(bad) is None
    now[0] += 45
    lost = patience.exhausted(bad)
    assert lost is not None
    assert lost.pod == "a"


def app() -> App:
    return App(
        name="web",
        system="s",
        cluster="local",
        namespace="n",
        kind="Deployment",
        object="web",
        service=None,
        service_port=None,
        service_type=None,
        node_port=None,
        path=None,
        ingress_host=None,
        part_of=None,
        image="i:1",
        url=None,
    )


def test_the_explanation_has_reason_events_and_log(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("get pods", [pod("web-1", phase="Running", containerStatuses=[waiting("CrashLoopBackOff", "", 2)])])
    fake_kubectl.on(
        "get deployments",
        [
            {
                "kind": "Deployment",
                "metadata": {"name": "web", "namespace": "n"},
                "status": {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]},
            }
        ],
    )
    fake_kubectl.on("get events", [{"reason": "BackOff", "message": "Back-off restarting"}])
    fake_kubectl.on("logs web-1", "first\nno such file: /etc/app.conf\n")
    text = explain(kubectl, "dev", [app()])
    assert "web: no pod can be made: exceeded quota" in text
    assert "pod n/web-1, container web: CrashLoopBackOff" in text
    assert "event BackOff: Back-off restarting" in text
    assert "log: no such file: /etc/app.conf" in text
    assert any("--previous" in call.arguments for call in fake_kubectl.calls)


def test_a_cluster_that_went_away_leaves_nothing_to_explain(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on(".", err="connection refused", code=1)
    assert explain(kubectl, "dev", [app()]) == ""


def test_a_preview_counts() -> None:
    preview = Preview("helm", [Change("create", "c", "A"), Change("create", "c", "B"), Change("delete", "c", "C")])
    told = preview.as_dict()
    assert told["counts"] == {"create": 2, "update": 0, "replace": 0, "delete": 1}
    assert told["objects"][0] == {"operation": "create", "cluster": "c", "name": "A", "diff": ""}


def stateful_pod(revision: str) -> dict[str, Any]:
    found = pod("db-0", phase="Pending", containerStatuses=[waiting("ImagePullBackOff")])
    owner = {"kind": "StatefulSet", "name": "db"}
    found["metadata"] |= {"labels": {"controller-revision-hash": revision}, "ownerReferences": [owner]}
    return found


@pytest.mark.parametrize(("revision", "observed", "deleted"), [("old", 2, True), ("new", 2, False), ("old", 1, False)])
def test_a_broken_pod_of_an_old_revision_does_not_hold_up_a_stateful_set(
    revision: str, observed: int, deleted: bool, kubectl: Kubectl, fake_kubectl: FakeProgram
) -> None:
    workload = {
        "kind": "StatefulSet",
        "metadata": {"name": "db", "generation": 2},
        "status": {"observedGeneration": observed, "updateRevision": "new"},
    }
    fake_kubectl.on("get statefulsets.apps db -n n", [workload])
    fake_kubectl.on("delete")
    broken = stateful_pod(revision)
    free_stateful_sets(kubectl, [broken], troubles([broken]))
    assert any("delete pod/db-0 -n n" in call.line for call in fake_kubectl.calls) == deleted


def test_no_stateful_set_is_asked_about_without_need(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    plain = pod("web-1", phase="Pending", containerStatuses=[waiting("ImagePullBackOff")])
    free_stateful_sets(kubectl, [plain], troubles([plain]))
    assert fake_kubectl.calls == []
