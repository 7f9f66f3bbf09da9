"""The commands on a stack that is there: what they say to people and to programs, and with which exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import footprint, live

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.pulumi.cli import Cli
    from tests.support.live import LiveStack

pytestmark = [pytest.mark.engine, pytest.mark.cluster, pytest.mark.usefixtures("machine")]

PORT = 30760


def settings(**more: Any) -> dict[str, Any]:
    """One app: what is shown is the commands' behaviour, not the workloads'."""
    nginx = {"cluster": "local", "replicas": 1, "resources": {"cpu": "10m"}, "nodePort": PORT}
    return {
        "slipway:lifecycle": "ephemeral",
        "slipway:apps": {"nginx": {**nginx, **more}},
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """The stack, not there yet; gone at the end."""
    with footprint.own(tmp_path_factory.mktemp("commands"), "par", PORT, settings()) as stack:
        yield stack
        stack.settings(settings())
        stack.run("down", "--yes-remove-durable", "par")


@pytest.fixture
def stack(made: LiveStack) -> LiveStack:
    """The stack, up and as its first settings say."""
    made.settings(settings())
    made.run("up")
    return made


def answer(stack: LiveStack, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = stack.run(*arguments, "--json", check=False)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


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


def test_up_and_up_again(stack: LiveStack, cli: Cli) -> None:
    assert stack.run("up").stdout.splitlines()[-1] == f"stack par is up, no changes (Pulumi {cli.version})"
    told = answer(stack, "up")
    assert (told["pulumi"], told["changed"]) == (cli.version, False)
    assert [(app["name"], app["ready"]) for app in told["apps"]] == [("nginx", 1)]
    assert stack.run("preview").stdout.strip() == "stack par: no changes"
    assert stack.run("drift").stdout.strip() == "stack par: no drift"
    assert stack.run("refresh").stdout.startswith("stack par: nothing to write down")
    assert answer(stack, "refresh") == {"changed": False}
    assert answer(stack, "recover") == {"stack": "par", "done": [], "left": []}


def test_no_warning_about_plugins_reaches_anybody(stack: LiveStack) -> None:
    stack.settings(nginx={"resources": {"cpu": "11m"}})
    for command in ("preview", "up", "drift", "refresh"):
        told = stack.run(command, check=False)
        assert "warning" not in (told.stdout + told.stderr).lower(), told.stderr


def test_a_change_of_the_program_is_pending_and_no_drift(stack: LiveStack) -> None:
    stack.settings(nginx={"replicas": 2})
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


def test_what_is_deleted_by_hand_is_written_down_by_refresh(stack: LiveStack) -> None:
    clean = footprint.objects(stack)
    live.kubectl("delete", "pdb", "nginx", "-n", "par-nginx")
    assert answer(stack, "refresh") == {"changed": True}
    assert answer(stack, "drift", code=2)["differences"] == []
    assert answer(stack, "preview")["counts"]["create"] == 1
    stack.run("up")
    footprint.as_clean(stack, clean)


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
    assert answer(stack, "down", "--yes-remove-durable", "par") == {"changed": True, "kept": [], "unasked": []}
    footprint.as_gone(stack)
    assert "nothing to remove" in stack.run("down").stdout


def test_a_stack_whose_state_is_lost_is_removed_by_its_label(stack: LiveStack) -> None:
    kept = stack.environment["XDG_DATA_HOME"]
    stack.environment["XDG_DATA_HOME"] = f"{kept}-lost"
    try:
        assert answer(stack, "down", "--by-label") == {"changed": True, "kept": [], "unasked": []}
        footprint.as_gone(stack)
    finally:
        stack.environment["XDG_DATA_HOME"] = kept
    # The state that still knows it is no hindrance.
    stack.run("up")


def test_one_that_an_older_version_installed_is_recognised_and_goes_by_its_label(stack: LiveStack) -> None:
    live.kubectl("annotate", "namespace", "par-nginx", "meta.helm.sh/release-name=slipway-par")
    for command in ("up", "preview", "drift", "refresh", "down"):
        done = stack.run(command, check=False)
        assert done.returncode == 1
        (said,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert "was made by an older slipway, with Helm, so Pulumi does not know it" in said
        assert "`slipway down --by-label --stack par`" in said
    assert len(stack.pods()) == 1
    stack.run("down", "--by-label")
    assert footprint.objects(stack) == set()
    stack.run("up")
