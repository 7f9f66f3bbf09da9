"""New revisions under constant requests, and broken ones that are rolled back."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from local import paths
from tests.support import live
from tests.support.load import Load

if TYPE_CHECKING:
    from tests.support.live import LiveStack

pytestmark = pytest.mark.cluster

# What comes after the last pod is ready: old pods go through their grace period.
SETTLE_SECONDS = 8


def test_a_new_revision_loses_no_request(own: LiveStack) -> None:
    before = own.pods()
    with Load(own.apps()["h2o-example"]["url"]) as load:
        time.sleep(2)
        own.settings(h2o_example={"revision": "2"})
        own.run("up")
        time.sleep(SETTLE_SECONDS)
    assert load.failures == []
    assert all(tally.requests > 200 for tally in [*load.fresh, *load.kept])
    app = own.apps()["h2o-example"]
    assert app["image"].endswith("/h2o:2")
    mock = [name for name in own.pods() if name.startswith("h2o-example")]
    assert len(mock) == 2
    assert not set(mock) & set(before)
    # Nothing else was touched.
    assert [n for n in own.pods() if n.startswith("nginx")] == [n for n in before if n.startswith("nginx")]


def test_scaling_is_one_setting(own: LiveStack) -> None:
    own.settings(nginx={"replicas": 4})
    preview = json.loads(own.run("preview", "--json").stdout)
    assert preview["counts"]["update"] == len(preview["objects"]) == 1
    assert "+  replicas: 4" in preview["objects"][0]["diff"]
    own.run("up")
    assert own.apps()["nginx"]["ready"] == own.apps()["nginx"]["desired"] == 4


@pytest.mark.slow
def test_what_was_changed_by_hand_is_shown_and_repaired(own: LiveStack) -> None:
    live.kubectl("scale", "deployment/nginx", "-n", "own-nginx", "--replicas=1")
    live.kubectl("delete", "service/h2o-example", "-n", "own-h2o")
    told = own.run("preview").stdout
    assert "create Service own-h2o/h2o-example" in told
    assert "update Deployment own-nginx/nginx" in told
    own.run("up")
    assert own.run("preview").stdout.strip() == "stack own: no changes"
    assert own.apps()["nginx"]["ready"] == 2


def test_an_app_that_leaves_the_settings_leaves_the_cluster(own: LiveStack) -> None:
    apps = live.settings("own", 30480)["slipway:apps"]
    own.settings({"slipway:apps": {"nginx": apps["nginx"]}})
    assert "delete Namespace own-h2o" in own.run("preview").stdout
    own.run("up")
    assert [ns["metadata"]["name"] for ns in own.objects("namespaces")] == ["own-nginx"]
    assert own.run("preview").stdout.strip() == "stack own: no changes"


@pytest.mark.slow
def test_a_broken_image_is_explained_and_the_pods_before_keep_serving(own: LiveStack) -> None:
    url = own.apps()["nginx"]["url"]
    before = own.pods()
    own.settings(nginx={"image": "docker.io/library/nginx:0.0.0-there-is-none"})
    # With a context instead of the embedded cluster nobody looks whether the image can be had before it is installed.
    away = {"KUBE_CONTEXT": "slipway", "KUBECONFIG": str(paths.KUBECONFIG)}
    with Load(url) as load:
        done = own.run("up", check=False, env=away)
    assert done.returncode == 1
    assert "error: stack own: the update failed: pod own-nginx/nginx-" in done.stderr
    assert "nginx:0.0.0-there-is-none" in done.stderr
    assert "ImagePull" in done.stderr
    assert "pods of the revision before keep serving" in done.stderr
    assert load.failures == []
    assert set(before) < set(own.pods())
    own.settings(live.settings("own", 30480))
    own.run("up")
    assert own.pods() == before
    assert own.run("preview").stdout.strip() == "stack own: no changes"
    with urllib.request.urlopen(url, timeout=5) as response:
        assert response.status == 200


@pytest.mark.slow
def test_a_first_install_that_fails_is_gone_after_down(own_stack: LiveStack) -> None:
    own_stack.settings(live.settings("own", 30480))
    own_stack.run("down")
    own_stack.settings(nginx={"image": "docker.io/library/nginx:0.0.0-there-is-none"})
    away = {"KUBE_CONTEXT": "slipway", "KUBECONFIG": str(paths.KUBECONFIG)}
    done = own_stack.run("up", check=False, env=away)
    assert done.returncode == 1
    assert "ImagePull" in done.stderr
    own_stack.run("down")
    assert own_stack.objects("namespaces,secrets,services,deployments") == []
