"""kubectl: what is handed over, and what its errors become."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ops import tools
from ops.cluster.ports import move, refuse_taken
from ops.errors import OpsError, RefusedError, UnreachableError
from ops.kube import Access, CommandError, Key, Kubectl, items
from ops.live import inventory, types, volumes_of, wait_gone
from tests.support.thing import thing

if TYPE_CHECKING:
    from tests.support.programs import FakeProgram

SECRET = "correct-horse-battery-staple"  # noqa: S105 - a value of the test


def test_keys_name_objects_whatever_their_version() -> None:
    one = thing("Deployment", "n/a")
    assert Key.of(one) == Key.of({**one, "apiVersion": "apps/v1beta1"})
    assert str(Key.of(one)) == "Deployment n/a"
    assert str(Key("", "Namespace", "", "n")) == "Namespace n"


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("\n", 0), ('{"kind": "Pod"}', 1), ('{"kind": "List", "items": []}', 0), ('{"items": [{}, {}]}', 2)],
)
def test_output_of_any_shape_is_a_list(text: str, count: int) -> None:
    assert len(items(text)) == count


def test_manifests_go_over_standard_input_and_never_over_the_command_line(
    kubectl: Kubectl, fake_kubectl: FakeProgram
) -> None:
    fake_kubectl.on("replace", [])
    kubectl.replace([thing("Secret", "s", {"data": {"password": SECRET}})], manager="slipway")
    (call,) = fake_kubectl.calls
    assert SECRET in call.stdin
    assert SECRET not in call.line
    assert "--field-manager=slipway" in call.arguments


def test_kubeconfig_and_context_are_always_named(fake_kubectl: FakeProgram, tmp_path: Path) -> None:
    fake_kubectl.on("get", [])
    access = Access(tmp_path / "kubeconfig", "mine")
    Kubectl(fake_kubectl.path, "local", access).get(["pods"])
    assert fake_kubectl.calls[0].arguments[:2] == [f"--kubeconfig={tmp_path / 'kubeconfig'}", "--context=mine"]


@pytest.mark.parametrize(
    "said",
    [
        "The connection to the server 10.99.0.1:6443 was refused - did you specify the right host or port?",
        "Unable to connect to the server: dial tcp 10.0.0.9:443: i/o timeout",
        "Unable to connect to the server: x509: certificate signed by unknown authority",
        "error: no context exists with the name: mine, context unknown",
        "Error in configuration: context was not found for specified context: mine",
        "error: no configuration has been provided, try setting KUBERNETES_MASTER environment variable",
    ],
)
def test_no_answer_is_told_as_such(said: str, kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on(".", err=said, code=1)
    with pytest.raises(UnreachableError, match="cluster local"):
        kubectl.get(["pods"])


def test_another_error_keeps_what_kubectl_said(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on(".", err='Error from server (Forbidden): pods is forbidden: User "x" cannot list', code=1)
    with pytest.raises(CommandError, match="Forbidden"):
        kubectl.get(["pods"])


def test_a_program_that_cannot_be_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="cannot be run"):
        Kubectl(tmp_path / "nothing", "local", Access(None, None)).get(["pods"])


def test_silence_ends_with_the_timeout(tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 30\n", encoding="utf-8")
    slow.chmod(0o755)
    with pytest.raises(UnreachableError, match="no answer within 1 s"):
        Kubectl(slow, "local", Access(None, None)).run(["get", "pods"], timeout=1)


def test_every_type_is_swept_but_views(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("api-resources", "pods\nevents\npods.metrics.k8s.io\ndeployments.apps\n")
    fake_kubectl.on(" get ", [thing("Pod", "n/p")])
    assert types(kubectl) == ["deployments.apps", "pods"]
    assert list(inventory(kubectl, "dev").objects) == [Key("", "Pod", "n", "p")]
    assert "deployments.apps,pods -A -l slipway.dev/stack=dev" in fake_kubectl.calls[-1].line


def test_a_type_that_is_not_served_just_now_does_not_end_the_sweep(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    unavailable = "error: unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1: unavailable"
    fake_kubectl.on("api-resources", "pods\n", err=unavailable, code=1)
    fake_kubectl.on(" get ", [], err="Error from server (MethodNotAllowed): the server does not allow this", code=1)
    assert inventory(kubectl, "dev").objects == {}


def test_what_may_not_be_listed_ends_the_sweep(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("api-resources", "pods\nsecrets\n")
    fake_kubectl.on(" get ", [], err="Error from server (Forbidden): secrets is forbidden", code=1)
    with pytest.raises(CommandError, match="Forbidden"):
        inventory(kubectl, "dev")


def test_what_controllers_derived_was_not_made_by_the_stack(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("api-resources", "pods\n")
    child = thing("Pod", "n/child", ownerReferences=[{"kind": "ReplicaSet"}])
    going = thing("Secret", "n/going", deletionTimestamp="2026-01-01T00:00:00Z")
    fake_kubectl.on(" get ", [thing("Service", "n/mine"), thing("Endpoints", "n/mine"), child, going])
    assert [key.name for key in inventory(kubectl, "dev").made()] == ["mine"]


def test_volumes_are_found_by_their_claims(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    specs = {"a": {"claimRef": {"namespace": "mine"}}, "b": {"claimRef": {"namespace": "theirs"}}, "c": {}}
    fake_kubectl.on("persistentvolumes", [thing("PersistentVolume", name, {"spec": s}) for name, s in specs.items()])
    assert [v["metadata"]["name"] for v in volumes_of(kubectl, ["mine"])] == ["a"]


def test_what_is_not_gone_in_time_is_named_with_the_reason(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    condition = {"status": "True", "message": "Some content has finalizers remaining: x in 1 y"}
    fake_kubectl.on("get namespace n", [thing("Namespace", "n", {"status": {"conditions": [condition]}})])
    with pytest.raises(OpsError) as caught:
        wait_gone(kubectl, [Key("", "Namespace", "", "n")], 0.1)
    assert "Namespace n: Some content has finalizers remaining" in str(caught.value)


def test_a_namespace_that_does_not_go_names_what_holds_it(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    remaining = "Some resources are remaining: " + ", ".join(
        ("configmaps. has 2 resource instances", "widgets.example.com has 1 resource instances")
    )
    conditions = [
        {"type": "NamespaceContentRemaining", "status": "True", "message": remaining},
        {"type": "NamespaceDeletionContentFailure", "status": "False", "message": "All content successfully deleted"},
    ]
    fake_kubectl.on("get namespace n", [thing("Namespace", "n", {"status": {"conditions": conditions}})])
    kept = thing("ConfigMap", "n/kept", finalizers=["example.com/hold"])
    fake_kubectl.on("get configmaps -n n", [thing("ConfigMap", "n/free", finalizers=[]), kept])
    widget = thing("Widget", "n/w", finalizers=["a.example.com/x", "foregroundDeletion"])
    fake_kubectl.on("get widgets.example.com -n n", [widget])
    with pytest.raises(OpsError) as caught:
        wait_gone(kubectl, [Key("", "Namespace", "", "n")], 0.1)
    assert str(caught.value).splitlines()[1:-1] == [
        f"  Namespace n: {remaining}",
        "    ConfigMap n/kept is held by its finalizer example.com/hold",
        "    Widget n/w is held by its finalizer a.example.com/x and foregroundDeletion",
    ]


def service(namespace: str, name: str, port: int | None, labels: object = None) -> dict[str, object]:
    ports = [{"port": 80, **({"nodePort": port} if port else {})}]
    return thing("Service", f"{namespace}/{name}", {"spec": {"ports": ports}}, labels=labels)


def test_a_node_port_in_use_is_told_with_its_holder(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    ours, theirs = ({"slipway.dev/stack": name} for name in ("dev", "pr-7"))
    there = [service("other", "web", 30080), service("x", "y", 30082, theirs), service("old", "h2o", 30081, ours)]
    fake_kubectl.on("get services", there)
    with pytest.raises(RefusedError) as caught:
        refuse_taken(kubectl, [service("h2o", "h2o", 30080), service("h2o", "b", 30082)], "dev")
    assert "30080, wanted for h2o/h2o, is other/web's\n" in str(caught.value)
    assert "30082, wanted for h2o/b, is x/y of stack pr-7's\n" in str(caught.value)
    # A port of the stack's own may move to another of its Services.
    free = [service("h2o", "h2o", 30081), service("h2o", "c", 30099), service("h2o", "inner", None)]
    assert [str(found.service) for found in refuse_taken(kubectl, free, "dev")] == ["Service old/h2o"]
    asked = len(fake_kubectl.calls)
    assert refuse_taken(kubectl, [service("h2o", "inner", None)], "dev") == []
    assert len(fake_kubectl.calls) == asked


def test_services_of_the_stack_that_swap_their_ports_leave_them_first(
    kubectl: Kubectl, fake_kubectl: FakeProgram
) -> None:
    ours = {"slipway.dev/stack": "dev"}
    there = [service("a", "a", 30080, ours), service("b", "b", 30081, ours), service("c", "c", 30082, ours)]
    fake_kubectl.on("get services", [*there, service("x", "x", 32767), service("gone", "old", 30084, ours)])
    fake_kubectl.on("patch")
    wanted = [service("a", "a", 30081), service("b", "b", 30080), service("c", "c", 30082), service("d", "d", 30084)]
    moves = refuse_taken(kubectl, wanted, "dev")
    assert [(str(m.service), m.index, m.spare) for m in moves] == [
        ("Service a/a", 0, 32766),
        ("Service b/b", 0, 32765),
        ("Service gone/old", 0, 32764),
    ]
    move(kubectl, moves)
    patches = [call.line for call in fake_kubectl.calls if "patch" in call.line]
    assert len(patches) == 3
    assert "patch service a -n a --type=json" in patches[0]
    assert '[{"op": "replace", "path": "/spec/ports/0/nodePort", "value": 32766}]' in patches[0]


def test_tools_come_from_the_variable_and_a_wrong_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_KUBECTL", str(tmp_path / "nothing"))
    with pytest.raises(OpsError, match="SLIPWAY_KUBECTL = "):
        tools.kubectl()


def test_a_program_on_path_is_used_only_when_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_kubectl: FakeProgram
) -> None:
    monkeypatch.delenv("SLIPWAY_KUBECTL")
    monkeypatch.setenv("PATH", f"{fake_kubectl.path.parent}:/usr/bin:/bin")
    built = tmp_path / "built"

    def build(*_: object) -> Path:
        return built

    monkeypatch.setattr(tools.toolchain, "tool", build)
    fake_kubectl.on("version", "Client Version: v1.29.0\n")
    assert tools.kubectl() == built
    fake_kubectl.on("version", "Client Version: v1.33.1\n")
    assert tools.kubectl() == fake_kubectl.path


def test_nothing_of_kubectl_goes_to_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_CACHE", "/somewhere/cache")
    assert Path(tools.environment()["KUBECACHEDIR"]).is_relative_to("/somewhere/cache")
