"""Both engines, one suite: the same words, the same exit codes, the same JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ops.engines.base import TITLES
from ops.engines.choice import find_cli

from tests.support import footprint, live

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.engines.base import EngineName

    from tests.support.live import LiveStack

pytestmark = pytest.mark.cluster

PORT = 30760
ENGINES: tuple[EngineName, ...] = ("helm", "pulumi")


def settings(**more: Any) -> dict[str, Any]:
    """One app: what is shown is the engines' behaviour, not the workloads'."""
    nginx = {"cluster": "local", "replicas": 1, "resources": {"cpu": "10m"}, "nodePort": PORT}
    return {
        "slipway:lifecycle": "ephemeral",
        "slipway:namespacePrefix": "par",
        "slipway:clusters": {"local": {"kind": "embedded"}},
        "slipway:apps": {"nginx": {**nginx, **more}},
    }


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.engine) for name in ENGINES])
def made(
    request: pytest.FixtureRequest, machine: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveStack]:
    """The stack, not there yet, of each engine in turn; gone at the end."""
    assert machine is None
    engine: EngineName = request.param
    stack = live.make_with(engine, tmp_path_factory.mktemp(f"parity-{engine}"), "par", "par", PORT)
    stack.settings(settings())
    with live.alone("par"):
        yield stack
        stack.settings(settings())
        stack.run("down", "--yes-remove-durable", "par")
        footprint.as_gone(stack)


@pytest.fixture
def stack(made: LiveStack) -> LiveStack:
    """The stack, up and as its first settings say."""
    made.settings(settings())
    made.run("up")
    return made


def engine_of(stack: LiveStack) -> EngineName:
    return "pulumi" if stack.environment["SLIPWAY_ENGINE"] == "pulumi" else "helm"


def answer(stack: LiveStack, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = stack.run(*arguments, "--json", check=False)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["engine"] == engine_of(stack)
    return told


def test_before_the_first_up_all_is_to_be_made_and_nothing_drifted(made: LiveStack) -> None:
    preview = answer(made, "preview")
    assert preview["counts"]["create"] > 5
    assert {change["operation"] for change in preview["objects"]} == {"create"}
    drift = answer(made, "drift", code=2)
    assert drift["differences"] == drift["interrupted"] == []
    wanted = {change["name"] for change in preview["objects"] if change["cluster"] == "local"}
    assert wanted <= {change["name"] for change in drift["pending"]}
    assert "nothing to remove" in made.run("down").stdout
    assert "nothing to recover" in made.run("recover").stdout


def test_up_and_up_again(stack: LiveStack) -> None:
    title = TITLES[engine_of(stack)]
    assert stack.run("up").stdout.splitlines()[-1] == f"stack par is up, no changes (engine: {title})"
    told = answer(stack, "up")
    assert told["changed"] is False
    assert [(app["name"], app["ready"]) for app in told["apps"]] == [("nginx", 1)]
    assert stack.run("preview").stdout.strip() == "stack par: no changes"
    assert stack.run("drift").stdout.strip() == "stack par: no drift"
    assert stack.run("refresh").stdout.startswith("stack par: nothing to write down")
    assert answer(stack, "refresh") == {"engine": engine_of(stack), "changed": False}
    assert answer(stack, "recover") == {"stack": "par", "engine": engine_of(stack), "done": [], "left": []}


def test_a_change_of_the_program_is_pending_and_no_drift(stack: LiveStack) -> None:
    stack.run("config", "set", "apps.nginx.replicas", "2")
    preview = answer(stack, "preview")
    assert preview["counts"] == {"create": 0, "update": 1, "replace": 0, "delete": 0}
    (change,) = preview["objects"]
    assert (change["operation"], change["cluster"], change["name"]) == ("update", "local", "Deployment par-nginx/nginx")
    assert "+  replicas: 2" in change["diff"]
    told = answer(stack, "drift", code=2)
    assert told["differences"] == []
    assert [(c["operation"], c["name"]) for c in told["pending"]] == [("update", "Deployment par-nginx/nginx")]
    up = answer(stack, "up")
    assert up["changed"] is True
    assert [(app["name"], app["ready"]) for app in up["apps"]] == [("nginx", 2)]


def test_what_somebody_did_by_hand_is_told_and_put_right(stack: LiveStack) -> None:
    clean = footprint.objects(stack)
    live.kubectl("scale", "deployment/nginx", "-n", "par-nginx", "--replicas=3")
    live.kubectl("label", "service", "nginxservice", "theirs=1", "-n", "par-nginx")
    live.kubectl("delete", "networkpolicy", "nginx-public", "-n", "par-nginx")
    metadata = {"name": "theirs", "namespace": "par-nginx", "labels": {"slipway.dev/stack": "par"}}
    live.kubectl("apply", "-f", "-", document={"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})

    told = answer(stack, "drift", code=2)
    assert {(entry["kind"], entry["cluster"], entry["name"]) for entry in told["differences"]} == {
        ("changed", "local", "Deployment par-nginx/nginx"),
        ("changed", "local", "Service par-nginx/nginxservice"),
        ("deleted", "local", "NetworkPolicy par-nginx/nginx-public"),
        ("orphan", "local", "ConfigMap par-nginx/theirs"),
    }
    assert told["counts"] == {"changed": 2, "deleted": 1, "orphan": 1}
    assert told["pending"] == []
    diffs = {entry["name"]: entry["diff"].splitlines() for entry in told["differences"]}
    assert {"-  replicas: 3", "+  replicas: 1"} <= set(diffs["Deployment par-nginx/nginx"])
    assert "-    theirs: '1'" in diffs["Service par-nginx/nginxservice"]
    planned = {(change["operation"], change["name"]) for change in answer(stack, "preview")["objects"]}
    assert planned == {
        ("update", "Deployment par-nginx/nginx"),
        ("update", "Service par-nginx/nginxservice"),
        ("create", "NetworkPolicy par-nginx/nginx-public"),
        ("delete", "ConfigMap par-nginx/theirs"),
    }
    shown = stack.run("drift", check=False)
    assert shown.returncode == 2
    assert "stack par: 2 changed, 1 deleted, 1 orphan; `slipway up --stack par` puts it right" in shown.stdout

    assert answer(stack, "up")["changed"] is True
    footprint.as_clean(stack, clean)
    assert answer(stack, "drift")["drift"] is False
    assert stack.run("preview").stdout.strip() == "stack par: no changes"


def test_two_at_once_and_the_second_says_who_works(stack: LiveStack) -> None:
    stack.settings(nginx={"resources": {"cpu": "11m"}})
    first = stack.start("up")
    try:
        live.wait_for(lambda: begun(stack, "11m"), 90, "the beginning of the rollout")
        for command in ("up", "down", "recover", "drift"):
            second = stack.run(command, check=False)
            if first.poll() is None:
                assert second.returncode == 1, second.stdout
                assert f"process {first.pid}, slipway up" in second.stderr
    finally:
        _, told = first.communicate(timeout=300)
    assert first.returncode == 0, told


def begun(stack: LiveStack, cpu: str) -> bool:
    """Whether a change of the CPU request has reached the cluster, or is being installed."""
    if any(status.startswith("pending") for _, status in stack.releases()):
        return True
    (found,) = live.get("deployment", "nginx", "-n", "par-nginx")
    (container,) = found["spec"]["template"]["spec"]["containers"]
    return container["resources"]["requests"]["cpu"] == cpu


@pytest.mark.slow
def test_a_killed_up_is_recovered_by_hand_or_by_the_next(stack: LiveStack) -> None:
    clean = footprint.objects(stack)
    for turn, recover in enumerate((True, False)):
        cpu = f"{12 + turn}m"
        stack.settings(nginx={"resources": {"cpu": cpu}})
        process = stack.start("up")
        live.wait_for(lambda cpu=cpu: begun(stack, cpu), 90, "the beginning of the rollout")
        process.kill()
        process.communicate()
        live.wait_for(lambda: not footprint.children(stack), 10, "the end of its programs")
        if recover:
            answer(stack, "recover")
            assert "nothing to recover" in stack.run("recover").stdout
        stack.run("up")
        footprint.as_clean(stack, clean)
        assert answer(stack, "drift")["drift"] is False


def test_the_other_engine_refuses_it(stack: LiveStack) -> None:
    ours = engine_of(stack)
    other: EngineName = "pulumi" if ours == "helm" else "helm"
    if other == "pulumi" and find_cli() is None:
        pytest.skip("there is no Pulumi CLI")
    for command in ("up", "preview", "down", "drift", "refresh", "recover"):
        done = stack.run(command, "--engine", other, check=False)
        assert done.returncode == 1, command
        assert f"was made by {TITLES[ours]}, and this run uses {TITLES[other]}" in done.stderr
        assert f"slipway down --stack par --engine {ours}" in done.stderr


def test_a_wrong_setting_is_told_before_anything(stack: LiveStack) -> None:
    stack.settings(nginx={"replicas": 0, "colour": "red"})
    for command in ("up", "preview", "drift", "refresh", "recover", "down"):
        done = stack.run(command, check=False)
        assert done.returncode == 1
        assert "replicas" in done.stderr
        assert "colour" in done.stderr


@pytest.mark.slow
def test_a_durable_stack_names_all_that_is_protected_and_stays(stack: LiveStack) -> None:
    stack.settings({"slipway:lifecycle": "durable"})
    stack.run("up")
    for wish in ([], ["--yes-remove-durable", "other"]):
        done = stack.run("down", *wish, check=False)
        assert done.returncode == 1
        assert "  Namespace par-nginx: durable" in done.stderr
        assert "slipway down --stack par --yes-remove-durable par" in done.stderr
    # The settings alone do not make it removable: what is on the cluster counts as well.
    stack.settings({"slipway:lifecycle": "ephemeral"})
    assert stack.run("down", check=False).returncode == 1
    assert len(stack.pods()) == 1
    told = answer(stack, "down", "--yes-remove-durable", "par")
    assert told == {"engine": engine_of(stack), "changed": True, "kept": [], "unasked": []}
    footprint.as_gone(stack)
    assert "nothing to remove" in stack.run("down").stdout
