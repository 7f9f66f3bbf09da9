"""What is particular to Pulumi's engine. What both do alike is in test_parity.py, kills in test_pulumi_kills.py."""

from __future__ import annotations

import json
import signal
import stat
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local import paths
from tests.support import live
from tests.support.load import Load

if TYPE_CHECKING:
    from tests.support.live import LiveStack

pytestmark = [pytest.mark.engine, pytest.mark.cluster]

SETTLE_SECONDS = 8


def converged(stack: LiveStack) -> None:
    assert stack.run("preview").stdout.strip() == f"stack {stack.name}: no changes"
    apps = stack.apps()
    assert all(app["ready"] == app["desired"] for app in apps.values())
    assert len(stack.pods()) == sum(app["desired"] for app in apps.values())


def test_up_makes_the_stack_and_its_apps_answer(up: LiveStack) -> None:
    assert "(engine: Pulumi)" in up.run("up").stdout
    apps = up.apps()
    with urllib.request.urlopen(f"{apps['h2o-example']['url']}/", timeout=10) as response:
        assert response.read().strip() == b"Served by h2o"
    with urllib.request.urlopen(f"{apps['nginx']['url']}/", timeout=10) as response:
        assert b"Welcome to nginx" in response.read()


def test_the_projects_files_stay_as_they_are_and_the_passphrase_is_private(up: LiveStack) -> None:
    text = (up.directory / "Pulumi.eng.yaml").read_text(encoding="utf-8")
    assert "encryptionsalt" not in text
    home = Path(up.environment["XDG_DATA_HOME"]) / "slipway"
    passphrase = home / "passphrase"
    assert stat.S_IMODE(passphrase.stat().st_mode) == 0o600
    assert len(passphrase.read_text(encoding="ascii")) >= 32
    assert list((home / "state").rglob("eng.json"))


def test_the_plan_has_the_engines_urns(up: LiveStack, tmp_path: Path) -> None:
    up.run("render", "--out", str(tmp_path))
    planned = {entry["urn"] for entry in json.loads((tmp_path / "plan.json").read_text())["resources"]}
    (file,) = (Path(up.environment["XDG_DATA_HOME"]) / "slipway" / "state").rglob("stacks/**/eng.json")
    written = {entry["urn"] for entry in json.loads(file.read_text())["checkpoint"]["latest"]["resources"]}
    assert planned == written


def test_a_new_revision_loses_no_request(up: LiveStack) -> None:
    with Load(up.apps()["h2o-example"]["url"]) as load:
        time.sleep(2)
        up.run("config", "set", "apps.h2o-example.revision", "2")
        up.run("up")
        time.sleep(SETTLE_SECONDS)
    assert load.failures == []
    assert all(tally.requests > 200 for tally in [*load.fresh, *load.kept])
    assert up.apps()["h2o-example"]["image"].endswith("/h2o:2")


def test_a_broken_image_is_explained(up: LiveStack) -> None:
    url = up.apps()["nginx"]["url"]
    up.settings(nginx={"image": "docker.io/library/nginx:0.0.0-there-is-none"})
    away = {"KUBE_CONTEXT": "slipway", "KUBECONFIG": str(paths.KUBECONFIG)}
    with Load(url) as load:
        done = up.run("up", check=False, env=away)
    assert done.returncode == 1
    assert "nginx:0.0.0-there-is-none" in done.stderr
    assert "ImagePull" in done.stderr
    assert load.failures == []
    up.settings(live.settings("eng", 30580))
    up.run("up")
    converged(up)


def test_ctrl_c_is_one_line_and_the_next_up_goes_on(up: LiveStack) -> None:
    up.settings(h2o_example={"revision": "c1"})
    process = up.start("up")
    live.wait_for(
        lambda: any(
            d["spec"]["template"]["metadata"]["labels"].get("revision") == "c1" for d in up.objects("deployments")
        ),
        60,
        "the beginning of the rollout",
    )
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=90)
    assert process.returncode in (0, 130), told  # 0: Pulumi was done by then
    assert "Traceback" not in told
    up.run("up")
    converged(up)
