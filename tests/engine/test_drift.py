"""What was changed, deleted or added behind the program's back: told by `drift`, put right by `up`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import footprint, live

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.live import LiveStack

pytestmark = [pytest.mark.engine, pytest.mark.cluster, pytest.mark.usefixtures("machine")]

PORT = 30740
AUTOSCALE = {"minReplicas": 1, "maxReplicas": 2, "cpuPercent": 50}


def settings() -> dict[str, Any]:
    """The small stack, with an autoscaler that sets nginx' replicas."""
    found = footprint.small(PORT)
    nginx = found["slipway:apps"]["nginx"]
    del nginx["replicas"]
    nginx["autoscale"] = AUTOSCALE
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    with footprint.own(tmp_path_factory.mktemp("drift"), "dri", PORT, settings()) as stack:
        stack.run("up")
        yield stack
        stack.settings(settings())


@pytest.fixture
def stack(made: LiveStack) -> LiveStack:
    made.settings(settings())
    return made


def drift(stack: LiveStack, code: int) -> dict[str, Any]:
    done = stack.run("drift", "--json", check=False)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


def labels(system: str) -> dict[str, str]:
    return {"slipway.dev/stack": "dri", "slipway.dev/system": system}


def test_a_fresh_stack_has_none_whatever_the_cluster_wrote_into_it(stack: LiveStack) -> None:
    # The autoscaler works: it has set the replicas that the program does not speak of.
    live.wait_for(
        lambda: live.get("hpa", "nginx", "-n", "dri-nginx")[0].get("status", {}).get("currentReplicas"),
        120,
        "the autoscaler",
    )
    assert drift(stack, 0) == {
        "stack": "dri",
        "drift": False,
        "counts": {"changed": 0, "deleted": 0, "orphan": 0},
        "differences": [],
        "pending": [],
        "interrupted": [],
        "unasked": [],
    }
    assert stack.run("drift").stdout.strip() == "stack dri: no drift"
    assert "nothing to write down" in stack.run("refresh").stdout
    # A restart that somebody asked for is no difference either.
    live.kubectl("rollout", "restart", "deployment/auth", "-n", "dri-todo")
    live.kubectl("rollout", "status", "deployment/auth", "-n", "dri-todo")
    assert drift(stack, 0)["drift"] is False


def test_each_kind_is_told_and_put_right(stack: LiveStack) -> None:
    secrets = footprint.secrets(stack)
    clean = footprint.objects(stack)
    generated = min(key for key in secrets if key.startswith("dri-todo/")).split("/")[1]

    # Changed: a value, an entry of a list, a generated value, and things that the program never spoke of.
    live.kubectl("set", "image", "deployment/web-server", "*=docker.io/library/nginx:1.29", "-n", "dri-todo")
    live.kubectl("set", "env", "deployment/auth", "THEIRS=1", "-n", "dri-todo")
    live.kubectl("label", "service", "auth", "theirs=1", "-n", "dri-todo")
    live.kubectl("annotate", "networkpolicy", "default-deny", "theirs=1", "-n", "dri-todo")
    port = [{"op": "add", "path": "/spec/ports/-", "value": {"name": "theirs", "port": 81}}]
    live.kubectl("patch", "service", "nginxservice", "-n", "dri-nginx", "--type=json", "-p", json.dumps(port))
    data = {"stringData": {"theirs": "1"}}
    live.kubectl("patch", "secret", generated, "-n", "dri-todo", "-p", json.dumps(data))
    # Deleted.
    live.kubectl("delete", "networkpolicy", "web-server-to-dns", "-n", "dri-todo")
    live.kubectl("delete", "pdb", "nginx", "-n", "dri-nginx")
    # Orphans: with the stack's label, and not the stack's.
    for kind, name in (("ConfigMap", "theirs"), ("ServiceAccount", "theirs")):
        metadata = {"name": name, "namespace": "dri-todo", "labels": labels("todo")}
        live.kubectl("apply", "-f", "-", document={"apiVersion": "v1", "kind": kind, "metadata": metadata})

    told = drift(stack, 2)
    assert {(entry["kind"], entry["name"]) for entry in told["differences"]} == {
        ("changed", "Deployment dri-todo/web-server"),
        ("changed", "Deployment dri-todo/auth"),
        ("changed", "Service dri-todo/auth"),
        ("changed", "NetworkPolicy dri-todo/default-deny"),
        ("changed", "Service dri-nginx/nginxservice"),
        ("changed", f"Secret dri-todo/{generated}"),
        ("deleted", "NetworkPolicy dri-todo/web-server-to-dns"),
        ("deleted", "PodDisruptionBudget dri-nginx/nginx"),
        ("orphan", "ConfigMap dri-todo/theirs"),
        ("orphan", "ServiceAccount dri-todo/theirs"),
    }
    assert told["counts"] == {"changed": 6, "deleted": 2, "orphan": 2}
    assert told["pending"] == []
    diffs = {entry["name"]: entry["diff"] for entry in told["differences"]}
    assert "-        image: docker.io/library/nginx:1.29" in diffs["Deployment dri-todo/web-server"]
    assert "-        - name: THEIRS" in diffs["Deployment dri-todo/auth"]
    assert "-    theirs: '1'" in diffs["Service dri-todo/auth"]
    assert "-  - name: theirs" in diffs["Service dri-nginx/nginxservice"]
    for value in secrets.values():
        assert value not in json.dumps(told)
    shown = stack.run("drift", check=False).stdout
    assert "Not as it was applied" in shown
    assert "Not applied yet" not in shown
    preview = stack.run("preview").stdout
    assert "create PodDisruptionBudget dri-nginx/nginx" in preview
    assert "update Deployment dri-todo/web-server" in preview

    stack.run("up")
    assert drift(stack, 0)["drift"] is False
    assert footprint.objects(stack) == clean
    assert footprint.secrets(stack) == secrets
    assert stack.run("preview").stdout.strip() == "stack dri: no changes"


def test_what_the_program_says_since_is_told_apart(stack: LiveStack) -> None:
    stack.settings(nginx={"autoscale": {**AUTOSCALE, "cpuPercent": 60}})
    told = drift(stack, 2)
    assert told["differences"] == []
    (pending,) = told["pending"]
    assert (pending["operation"], pending["name"]) == ("update", "HorizontalPodAutoscaler dri-nginx/nginx")
    live.kubectl("delete", "pdb", "nginx", "-n", "dri-nginx")
    shown = stack.run("drift", check=False).stdout
    by_hand, _, program = shown.partition("Not applied yet")
    assert "deleted PodDisruptionBudget dri-nginx/nginx" in by_hand
    assert "update HorizontalPodAutoscaler dri-nginx/nginx" in program
    assert "1 deleted, 1 not applied yet" in program
    stack.settings(settings())
    stack.run("up")
    assert drift(stack, 0)["drift"] is False


def test_a_secret_that_was_deleted_comes_back_with_the_same_value(stack: LiveStack) -> None:
    secrets = footprint.secrets(stack)
    generated = min(key for key in secrets if key.startswith("dri-todo/")).split("/")[1]
    live.kubectl("delete", "secret", generated, "-n", "dri-todo")
    (entry,) = drift(stack, 2)["differences"]
    assert (entry["kind"], entry["name"]) == ("deleted", f"Secret dri-todo/{generated}")
    stack.run("up")
    assert footprint.secrets(stack) == secrets


@pytest.mark.slow
def test_what_cannot_be_changed_back_is_made_again(stack: LiveStack) -> None:
    clean = footprint.objects(stack)
    (theirs,) = live.get("deployment", "auth", "-n", "dri-todo")
    for name in ("uid", "resourceVersion", "managedFields", "generation", "creationTimestamp"):
        theirs["metadata"].pop(name, None)
    theirs.pop("status")
    theirs["spec"]["selector"]["matchLabels"]["theirs"] = "1"
    theirs["spec"]["template"]["metadata"]["labels"]["theirs"] = "1"
    live.kubectl("delete", "deployment", "auth", "-n", "dri-todo")
    live.kubectl("create", "-f", "-", document=theirs)
    (entry,) = drift(stack, 2)["differences"]
    assert (entry["kind"], entry["name"]) == ("changed", "Deployment dri-todo/auth")
    assert "replace Deployment dri-todo/auth" in stack.run("preview").stdout
    stack.run("up")
    footprint.as_clean(stack, clean)
    assert drift(stack, 0)["drift"] is False


@pytest.mark.slow
def test_a_whole_namespace_that_was_deleted_comes_back(stack: LiveStack) -> None:
    clean = footprint.objects(stack)
    live.kubectl("delete", "namespace", "dri-nginx")
    told = drift(stack, 2)
    assert {entry["kind"] for entry in told["differences"]} == {"deleted"}
    assert "Namespace dri-nginx" in [entry["name"] for entry in told["differences"]]
    stack.run("up")
    footprint.as_clean(stack, clean)
