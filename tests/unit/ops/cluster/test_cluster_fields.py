"""Fields that somebody added by hand, found by who owns them."""

from __future__ import annotations

from typing import Any

from ops.cluster.diff import bare
from ops.cluster.fields import added_by_hand, is_tool, leads_somewhere, without
from tests.support.thing import thing

APP = 'k:{"name":"app"}'
EXTRA = 'k:{"name":"EXTRA"}'
ENV: tuple[str, ...] = ("f:spec", "f:template", "f:spec", "f:containers", APP, "f:env")


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
    spec = {"replicas": 2, "template": {"spec": {"containers": [container]}}}
    return thing("Deployment", "n/a", {"spec": spec}, labels={"app": "a"}, managedFields=list(managers))


OURS = entry(
    "pulumi-kubernetes-1a2b3c",
    ("f:metadata", "f:labels", "f:app"),
    ("f:spec", "f:replicas"),
    (*ENV[:-1], "."),
    (*ENV[:-1], "f:name"),
    (*ENV[:-1], "f:image"),
    (*ENV, 'k:{"name":"PORT"}', "."),
    (*ENV, 'k:{"name":"PORT"}', "f:name"),
    (*ENV, 'k:{"name":"PORT"}', "f:value"),
)


TOOLS = ("kubectl", "kubectl-edit", "kubectl-client-side-apply", "k9s", "Mozilla", "OpenAPI-Generator")
CONTROLLERS = ("helm", "slipway", "pulumi-kubernetes-1a2b3c", "kube-controller-manager", "kubelet", "traefik")


def test_which_managers_are_tools() -> None:
    assert all(map(is_tool, (*TOOLS, "python-requests")))
    assert not any(map(is_tool, (*CONTROLLERS, "gke-neg-controller", "kubectlike-controller")))


def test_what_the_program_and_controllers_set_is_nobodys_hand() -> None:
    controller = entry(
        "kube-controller-manager", ("f:metadata", "f:annotations", "f:deployment.kubernetes.io/revision")
    )
    status = entry("kubectl", ("f:status", "f:replicas"), subresource="status")
    scale = entry("kubectl", ("f:spec", "f:replicas"), subresource="scale")
    assert added_by_hand(deployment(OURS, controller, status, scale)) == []


def test_a_value_that_the_program_wants_too_is_not_added() -> None:
    assert added_by_hand(deployment(OURS, entry("kubectl-edit", ("f:spec", "f:replicas")))) == []


def test_an_added_variable_is_one_thing_and_goes_as_one() -> None:
    hand = entry("kubectl-set", (*ENV, EXTRA, "."), (*ENV, EXTRA, "f:name"), (*ENV, EXTRA, "f:value"))
    item = deployment(OURS, hand, env=[{"name": "EXTRA", "value": "1"}, {"name": "PORT", "value": "80"}])
    paths = added_by_hand(item)
    assert paths == [(*ENV, EXTRA, ".")]
    bare = without(item, paths)
    assert bare["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "PORT", "value": "80"}]
    assert len(item["spec"]["template"]["spec"]["containers"][0]["env"]) == 2


def test_a_field_added_to_an_item_of_the_program_goes_alone() -> None:
    hand = entry("kubectl-patch", (*ENV[:-1], "f:workingDir"), (*ENV[:-1], "."))
    item = deployment(OURS, hand)
    item["spec"]["template"]["spec"]["containers"][0]["workingDir"] = "/tmp"  # noqa: S108 - a value
    assert added_by_hand(item) == [(*ENV[:-1], "f:workingDir")]
    assert without(item, added_by_hand(item)) == deployment(OURS, hand)


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
    item = deployment(OURS, hand)
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
    assert bare == deployment(OURS, hand)


def test_a_port_is_known_by_its_number_and_the_protocol_that_is_its_default() -> None:
    item = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}, {"port": 81}]}}
    path = ("f:spec", "f:ports", 'k:{"port":81,"protocol":"TCP"}', ".")
    assert without(item, [path])["spec"] == {"ports": [{"port": 80}]}
    for nowhere in ("f:nothing", 'k:{"port":82}', "i:5", 'v:"x"'):
        assert without(item, [("f:spec", "f:ports", nowhere)]) == item
        assert without(item, [("f:spec", nowhere)]) == item


def test_what_the_server_and_controllers_write_is_no_difference() -> None:
    server: dict[str, Any] = {
        "uid": "u",
        "resourceVersion": "7",
        "generation": 3,
        "managedFields": [{}],
        "creationTimestamp": "t",
    }
    item = thing("ConfigMap", "a", {"data": {"key": "1"}, "status": {"x": 1}}, **server)
    assert bare(item) == thing("ConfigMap", "a", {"data": {"key": "1"}})
    assert item["status"] == {"x": 1}


def test_whether_a_way_leads_somewhere() -> None:
    for path in (("f:spec", "f:replicas"), (*ENV, 'k:{"name":"PORT"}', "."), ("f:metadata", "f:labels", "f:app")):
        assert leads_somewhere(deployment(), path)
    for path in (("f:spec", "f:paused"), (*ENV, EXTRA, "f:value")):
        assert not leads_somewhere(deployment(), path)
