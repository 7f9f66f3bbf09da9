"""`up`: apps answer, a new revision loses no request, what fails is explained, and the state is private."""

from __future__ import annotations

import json
import stat
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from local import paths
from tests.support import live
from tests.support.load import Load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.live import LiveStack

pytestmark = [pytest.mark.engine, pytest.mark.cluster]

SETTLE_SECONDS = 8


def converged(stack: LiveStack) -> None:
    assert stack.run("preview").stdout.strip() == f"stack {stack.name}: no changes"
    apps = stack.apps()
    assert all(app["ready"] == app["desired"] for app in apps.values())
    assert len(stack.pods()) == sum(app["desired"] for app in apps.values())


def test_up_makes_the_stack_and_its_apps_answer(up: LiveStack) -> None:
    apps = up.apps()
    with urllib.request.urlopen(f"{apps['h2o-example']['url']}/", timeout=10) as response:
        assert response.read().strip() == b"Served by h2o"
    with urllib.request.urlopen(f"{apps['nginx']['url']}/", timeout=10) as response:
        assert b"Welcome to nginx" in response.read()


def test_the_projects_files_stay_as_they_are_and_the_passphrase_is_private(up: LiveStack) -> None:
    text = (up.directory / "Pulumi.eng.yaml").read_text(encoding="utf-8")
    assert "encryptionsalt" not in text
    passphrase = up.home / "passphrase"
    assert stat.S_IMODE(passphrase.stat().st_mode) == 0o600
    assert len(passphrase.read_text(encoding="ascii")) >= 32
    assert stat.S_IMODE((up.home / "state").stat().st_mode) == 0o700


def test_the_plan_has_the_engines_urns(up: LiveStack, tmp_path: Path) -> None:
    up.run("render", "--out", str(tmp_path))
    planned = {entry["urn"] for entry in json.loads((tmp_path / "plan.json").read_text())["resources"]}
    assert planned == {entry["urn"] for entry in up.state()["resources"]}


def test_a_new_revision_loses_no_request(up: LiveStack) -> None:
    with Load(up.apps()["h2o-example"]["url"]) as load:
        time.sleep(2)
        up.settings(h2o_example={"revision": "2"})
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
