"""Pulumi's own CLI on a stack, with the variables of `slipway pulumi --env`: it does what slipway does."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import footprint, live

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.live import LiveStack

pytestmark = [pytest.mark.engine, pytest.mark.cluster, pytest.mark.usefixtures("machine")]

PORT = 30985
UNKNOWN = ("[unknown]", "output<string>")
"""How versions of the CLI show an output that is not known yet."""


def settings() -> dict[str, Any]:
    """Each type of Service, with and without a port of its own, and one with a generated Secret."""
    small = {"cluster": "local", "replicas": 1, "resources": {"cpu": "10m"}}
    return {
        "slipway:apps": {
            "h2o-example": {**small, "serviceType": "NodePort"},
            "nginx": {**small, "serviceType": "LoadBalancer"},
            "guestbook": {"cluster": "local", "serviceType": "ClusterIP", "resources": {"cpu": "10m"}},
            "todo": {
                "cluster": "local",
                "standIn": True,
                "nodePort": PORT,
                "resources": {"cpu": "10m", "memory": "128Mi"},
            },
        },
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """The stack, known to its backend and not there yet; gone at the end."""
    with footprint.own(tmp_path_factory.mktemp("plain"), "plc", PORT, settings()) as stack:
        stack.pulumi("stack", "init", "plc")
        yield stack
        stack.settings(settings())


@pytest.fixture
def stack(made: LiveStack) -> LiveStack:
    """The stack, up by the plain CLI and as its first settings say."""
    made.settings(settings())
    made.pulumi("up", "--yes", "--skip-preview", "-s", "plc")
    return made


def outputs(text: str) -> dict[str, str]:
    """The outputs that a preview or an update shows."""
    shown = text.partition("Outputs:\n")[2].partition("\n\n")[0]
    lines = [line.strip(" +~").partition(":") for line in shown.splitlines()]
    return {name.strip(): value.strip().strip('"') for name, _, value in lines}


def test_a_preview_of_a_stack_that_is_not_there_knows_what_it_cannot_know(made: LiveStack) -> None:
    told = made.pulumi("preview")
    assert "None" not in told.stdout
    assert "warning:" not in told.stdout + told.stderr
    shown = outputs(told.stdout)
    assert shown.pop("todo") == f"http://127.0.0.1:{PORT}"
    assert shown.keys() == {"h2o-example", "nginx"}
    assert set(shown.values()) <= set(UNKNOWN)
    assert "None" not in made.run("preview").stdout


def test_up_makes_what_slipway_makes(stack: LiveStack) -> None:
    apps = stack.apps()
    assert all(app["ready"] == app["desired"] > 0 for app in apps.values()), apps
    assert stack.run("preview").stdout.strip() == "stack plc: no changes"
    assert stack.run("drift").stdout.strip() == "stack plc: no drift"
    assert "no changes" in stack.run("up").stdout
    urls = json.loads(stack.pulumi("stack", "output", "--json").stdout)
    assert sorted(urls.values()) == sorted(app["url"] for app in apps.values() if app["url"])


def test_what_slipway_made_is_the_plain_clis_too(stack: LiveStack) -> None:
    clean = footprint.objects(stack)
    stack.settings(nginx={"resources": {"cpu": "11m"}})
    stack.run("up")
    told = stack.pulumi("preview", "--expect-no-changes").stdout
    assert "unchanged" in told
    footprint.as_clean(stack, clean)
    listed, history = (["stack", what, "--json"] for what in ("ls", "history"))
    for run in (stack.pulumi, partial(stack.run, "pulumi", "--")):
        assert [entry["name"] for entry in json.loads(run(*listed).stdout)] == ["plc"]
        updates = json.loads(run(*history).stdout)
        assert {(entry["kind"], entry["result"]) for entry in updates} == {("update", "succeeded")}


def test_refresh_and_up_put_right_what_somebody_did(stack: LiveStack) -> None:
    clean = footprint.objects(stack)
    live.kubectl("scale", "deployment/nginx", "-n", "plc-nginx", "--replicas=2")
    live.kubectl("delete", "pdb", "nginx", "-n", "plc-nginx")
    assert "2" in stack.pulumi("refresh", "--preview-only", "--diff").stdout
    stack.pulumi("refresh", "--yes", "--skip-preview")
    assert stack.run("drift", check=False).returncode == 2
    stack.pulumi("up", "--yes", "--skip-preview")
    assert stack.run("drift").stdout.strip() == "stack plc: no drift"
    live.wait_for(lambda: len(stack.pods()) == sum(app["desired"] for app in stack.apps().values()), 60, "the scaling")
    footprint.as_clean(stack, clean)


@pytest.mark.parametrize("command", ["preview", "up", "refresh"])
def test_wrong_settings_are_one_message(command: str, made: LiveStack) -> None:
    made.settings(settings())
    made.settings(nginx={"replicas": 0, "colour": "red"})
    flags = {"up": ["--yes", "--skip-preview"], "refresh": ["--yes", "--skip-preview", "--run-program"]}
    done = made.pulumi(command, *flags.get(command, []), check=False)
    assert done.returncode != 0
    told = done.stdout + done.stderr
    assert told.count("slipway:apps.nginx.replicas = 0") == 1
    assert told.count("slipway:apps.nginx.colour") == 1
    assert "Traceback" not in told
    assert "Program exited with non-zero exit code" not in told


def test_destroy_leaves_nothing_and_slipway_proves_it(stack: LiveStack) -> None:
    stack.pulumi("destroy", "--yes", "--skip-preview")
    assert footprint.objects(stack) == set()
    assert stack.run("down").stdout.strip() == "stack plc: nothing to remove"
    footprint.as_gone(stack)
    stack.pulumi("stack", "init", "plc")
