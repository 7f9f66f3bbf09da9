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

pytestmark = [pytest.mark.engine, pytest.mark.cluster, pytest.mark.usefixtures("machine")]

# What comes after the last pod is ready: old pods go through their grace period.
SETTLE_SECONDS = 8
MISSING = "docker.io/library/nginx:0.0.0-there-is-none"
# With a context instead of the embedded cluster nobody looks whether the image can be had before it is installed.
AWAY = {"KUBE_CONTEXT": "slipway", "KUBECONFIG": str(paths.KUBECONFIG)}


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
    before = up.pods()
    with Load(up.apps()["h2o-example"]["url"]) as load:
        time.sleep(2)
        up.settings(h2o_example={"revision": "2"})
        up.run("up")
        time.sleep(SETTLE_SECONDS)
    assert load.failures == []
    assert all(tally.requests > 200 for tally in [*load.fresh, *load.kept])
    app = up.apps()["h2o-example"]
    assert app["image"].endswith("/h2o:2")
    mock = [name for name in up.pods() if name.startswith("h2o-example")]
    assert len(mock) == 2
    assert not set(mock) & set(before)
    # Nothing else was touched.
    assert [n for n in up.pods() if n.startswith("nginx")] == [n for n in before if n.startswith("nginx")]


def test_an_app_that_leaves_the_settings_leaves_the_cluster(up: LiveStack) -> None:
    apps = live.settings("eng", 30580)["slipway:apps"]
    up.settings({"slipway:apps": {"nginx": apps["nginx"]}})
    assert "delete Namespace eng-h2o" in up.run("preview").stdout
    up.run("up")
    assert [ns["metadata"]["name"] for ns in up.objects("namespaces")] == ["eng-nginx"]
    assert up.run("preview").stdout.strip() == "stack eng: no changes"


def test_a_broken_image_is_explained_and_the_pods_before_keep_serving(up: LiveStack) -> None:
    url = up.apps()["nginx"]["url"]
    before = up.pods()
    up.settings(nginx={"image": MISSING})
    with Load(url) as load:
        done = up.run("up", check=False, env=AWAY)
    assert done.returncode == 1
    assert "error: stack eng: the update failed: pod eng-nginx/nginx-" in done.stderr
    assert "nginx:0.0.0-there-is-none" in done.stderr
    assert "ImagePull" in done.stderr
    assert "pods of the revision before keep serving" in done.stderr
    assert load.failures == []
    assert set(before) < set(up.pods())
    up.settings(live.settings("eng", 30580))
    up.run("up")
    assert up.pods() == before
    assert up.run("preview").stdout.strip() == "stack eng: no changes"
    with urllib.request.urlopen(url, timeout=5) as response:
        assert response.status == 200


@pytest.mark.slow
def test_a_first_install_that_fails_is_gone_after_down(stack: LiveStack) -> None:
    stack.settings(live.settings("eng", 30580))
    stack.run("down")
    stack.settings(nginx={"image": MISSING})
    done = stack.run("up", check=False, env=AWAY)
    assert done.returncode == 1
    assert "ImagePull" in done.stderr
    stack.run("down")
    assert stack.objects("namespaces,secrets,services,deployments") == []
