"""Fields that somebody added by hand, found by who owns them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from ops.drift.fields import added_by_hand, is_tool, owners, without
from ops.drift.orphans import orphans
from ops.engines import differences
from ops.engines.release import owned
from ops.kube import Key, Kubectl
from ops.live import Inventory

if TYPE_CHECKING:
    from tests.support.programs import FakeProgram

APP = 'k:{"name":"app"}'
EXTRA = 'k:{"name":"EXTRA"}'
ENV: tuple[str, ...] = ("f:spec", "f:template", "f:spec", "f:containers", APP, "f:env")
RELEASE = "slipway-dev"


def tree(*paths: tuple[str, ...]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for path in paths:
        here = root
        for step in path:
            here = here.setdefault(step, {})
    return root


def entry(manager: str, *paths: tuple[str, ...], **more: object) -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": tree(*paths), **more}


def deployment(*managers: dict[str, Any], env: list[dict[str, str]] | None = None) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "app", "image": "i:1", "env": env or [{"name": "PORT", "value": "80"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a", "namespace": "n", "labels": {"app": "a"}, "managedFields": list(managers)},
        "spec": {"replicas": 2, "template": {"spec": {"containers": [container]}}},
    }


HELM = entry(
    "helm",
    ("f:metadata", "f:labels", "f:app"),
    ("f:spec", "f:replicas"),
    (*ENV[:-1], "."),
    (*ENV[:-1], "f:name"),
    (*ENV[:-1], "f:image"),
    (*ENV, 'k:{"name":"PORT"}', "."),
    (*ENV, 'k:{"name":"PORT"}', "f:name"),
    (*ENV, 'k:{"name":"PORT"}', "f:value"),
)


@pytest.mark.parametrize(
    ("manager", "by_hand"),
    [
        ("kubectl", True),
        ("kubectl-edit", True),
        ("kubectl-client-side-apply", True),
        ("k9s", True),
        ("Mozilla", True),
        ("OpenAPI-Generator", True),
        ("python-requests", True),
        ("helm", False),
        ("slipway", False),
        ("pulumi-kubernetes-1a2b3c", False),
        ("kube-controller-manager", False),
        ("kubelet", False),
        ("traefik", False),
        ("gke-neg-controller", False),
        ("kubectlike-controller", False),
    ],
)
def test_which_managers_are_tools(manager: str, by_hand: bool) -> None:
    assert is_tool(manager) is by_hand


def test_what_the_program_and_controllers_set_is_nobodys_hand() -> None:
    controller = entry(
        "kube-controller-manager", ("f:metadata", "f:annotations", "f:deployment.kubernetes.io/revision")
    )
    status = entry("kubectl", ("f:status", "f:replicas"), subresource="status")
    scale = entry("kubectl", ("f:spec", "f:replicas"), subresource="scale")
    assert added_by_hand(deployment(HELM, controller, status, scale)) == []


def test_a_value_that_the_program_wants_too_is_not_added() -> None:
    assert added_by_hand(deployment(HELM, entry("kubectl-edit", ("f:spec", "f:replicas")))) == []


def test_an_added_variable_is_one_thing_and_goes_as_one() -> None:
    hand = entry("kubectl-set", (*ENV, EXTRA, "."), (*ENV, EXTRA, "f:name"), (*ENV, EXTRA, "f:value"))
    item = deployment(HELM, hand, env=[{"name": "EXTRA", "value": "1"}, {"name": "PORT", "value": "80"}])
    paths = added_by_hand(item)
    assert paths == [(*ENV, EXTRA, ".")]
    bare = without(item, paths)
    assert bare["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "PORT", "value": "80"}]
    assert len(item["spec"]["template"]["spec"]["containers"][0]["env"]) == 2


def test_a_field_added_to_an_item_of_the_program_goes_alone() -> None:
    hand = entry("kubectl-patch", (*ENV[:-1], "f:workingDir"), (*ENV[:-1], "."))
    item = deployment(HELM, hand)
    item["spec"]["template"]["spec"]["containers"][0]["workingDir"] = "/tmp"  # noqa: S108 - a value
    assert added_by_hand(item) == [(*ENV[:-1], "f:workingDir")]
    assert without(item, added_by_hand(item)) == deployment(HELM, hand)


def test_labels_annotations_and_maps_that_become_empty() -> None:
    hand = entry(
        "kubectl-label",
        ("f:metadata", "f:labels", "f:theirs"),
        ("f:metadata", "f:annotations", "."),
        ("f:metadata", "f:annotations", "f:note"),
        ("f:metadata", "f:annotations", "f:kubectl.kubernetes.io/last-applied-configuration"),
        ("f:spec", "f:template", "f:metadata", "f:annotations", "f:kubectl.kubernetes.io/restartedAt"),
        ("f:spec", "f:template", "f:spec", "f:nodeSelector", "f:disk"),
        ("f:metadata", "f:finalizers", 'v:"theirs"'),
    )
    item = deployment(HELM, hand)
    item["metadata"]["labels"]["theirs"] = "1"
    item["metadata"]["annotations"] = {"note": "1"}
    item["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "fast"}
    paths = added_by_hand(item)
    assert paths == [
        ("f:metadata", "f:annotations", "f:note"),
        ("f:metadata", "f:labels", "f:theirs"),
        ("f:spec", "f:template", "f:spec", "f:nodeSelector", "f:disk"),
    ]
    bare = without(item, paths)
    assert bare == deployment(HELM, hand)


def test_a_port_is_known_by_its_number_and_the_protocol_that_is_its_default() -> None:
    item = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}, {"port": 81}]}}
    path = ("f:spec", "f:ports", 'k:{"port":81,"protocol":"TCP"}', ".")
    assert without(item, [path])["spec"] == {"ports": [{"port": 80}]}
    for nowhere in ("f:nothing", 'k:{"port":82}', "i:5", 'v:"x"'):
        assert without(item, [("f:spec", "f:ports", nowhere)]) == item
        assert without(item, [("f:spec", nowhere)]) == item


def test_owners_of_a_field() -> None:
    item = deployment(HELM, entry("kubectl-edit", ("f:spec", "f:replicas")))
    assert owners(item, ("f:spec", "f:replicas")) == {"helm", "kubectl-edit"}
    assert owners(item, ("f:spec", "f:paused")) == set()


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n"}, "data": data}


def with_extra() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """What is wanted, what is there, and what the API server answers to an apply."""
    wanted = config_map("a", key="1")
    live = owned(config_map("a", key="1", extra="2"), RELEASE)
    fields = [entry("helm", ("f:data", "f:key")), entry("kubectl-edit", ("f:data", "f:extra"))]
    return wanted, live, {**live, "metadata": {**live["metadata"], "managedFields": fields}}


def test_an_added_field_is_an_update_and_is_taken_out(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    wanted, live, answer = with_extra()
    fake_kubectl.on("apply .*--dry-run=server --show-managed-fields", [answer])
    fake_kubectl.on("replace .*--dry-run=server", [owned(wanted, RELEASE)])
    found = differences.chart_changes(kubectl, [wanted], RELEASE, Inventory({Key.of(live): live}))
    (change,) = found.changes
    assert (change.operation, change.name) == ("update", "ConfigMap n/a")
    assert "-  extra: '2'" in change.diff
    assert found.added == {Key.of(live): [("f:data", "f:extra")]}

    fake_kubectl.on("get configmap a -n n", [{**live, "metadata": {**live["metadata"], "resourceVersion": "9"}}])
    fake_kubectl.on("replace --field-manager=slipway -f -", [])
    differences.take_out(kubectl, found.added)
    (sent,) = json.loads(fake_kubectl.calls[-1].stdin)["items"]
    assert sent["data"] == {"key": "1"}
    assert sent["metadata"]["resourceVersion"] == "9"


def test_a_field_that_the_server_puts_in_again_is_no_difference(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    wanted, live, answer = with_extra()
    fake_kubectl.on("apply .*--dry-run=server", [answer])
    fake_kubectl.on("replace .*--dry-run=server", [live])
    found = differences.chart_changes(kubectl, [wanted], RELEASE, Inventory({Key.of(live): live}))
    assert found == differences.Comparison()


def labelled(kind: str, name: str, namespace: str = "n", **metadata: object) -> dict[str, Any]:
    group = {"Deployment": "apps/v1"}.get(kind, "v1")
    place = {"namespace": namespace} if namespace else {}
    return {"apiVersion": group, "kind": kind, "metadata": {"name": name, **place, **metadata}}


def by_key(*items: dict[str, Any]) -> dict[Key, dict[str, Any]]:
    return {Key.of(item): item for item in items}


def names(keys: list[Key]) -> list[str]:
    return [str(key) for key in keys]


def test_what_nobody_makes_is_an_orphan() -> None:
    made = by_key(
        labelled("Deployment", "ours"),
        labelled("Deployment", "theirs"),
        labelled("Deployment", "released", annotations={"meta.helm.sh/release-name": RELEASE}),
        labelled("Deployment", "other", annotations={"meta.helm.sh/release-name": "slipway-dev-two"}),
        labelled("Secret", "stash", "slipway"),
        labelled("Secret", "generated", labels={"app.kubernetes.io/managed-by": "slipway"}),
    )
    gone, spared = orphans(made, {Key("apps", "Deployment", "n", "ours")}, RELEASE, durable=False)
    assert names(gone) == ["Deployment n/theirs", "Deployment n/released"]
    assert spared == []


def test_data_of_a_durable_stack_and_namespaces_of_others_are_spared() -> None:
    space = labelled("Namespace", "theirs", "")
    claim = labelled("PersistentVolumeClaim", "data")
    assert orphans(by_key(space, claim), set(), RELEASE, durable=True) == ([], [Key.of(space), Key.of(claim)])
    assert orphans(by_key(space, claim), set(), RELEASE, durable=False) == ([Key.of(claim)], [Key.of(space)])


def test_what_is_in_a_namespace_that_goes_goes_with_it() -> None:
    space = labelled("Namespace", "n", "", annotations={"meta.helm.sh/release-name": RELEASE})
    gone, _ = orphans(by_key(space, labelled("Deployment", "inside")), set(), RELEASE, durable=False)
    assert names(gone) == ["Namespace n"]


def test_a_secret_shows_that_an_entry_was_added_and_not_which_value() -> None:
    item = {**labelled("Secret", "s"), "data": {"extra": base64.b64encode(b"value").decode()}}
    diff = differences.yaml_diff(item, without(item, [("f:data", "f:extra")]), "Secret n/s")
    assert "-  extra: '[secret]'" in diff
    assert base64.b64encode(b"value").decode() not in diff
