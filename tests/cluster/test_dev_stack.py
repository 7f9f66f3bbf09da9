"""The dev stack as a person has it after `make dev`: what answers, and what a second run changes."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.support import live

if TYPE_CHECKING:
    from tests.support.live import LiveStack

pytestmark = pytest.mark.cluster

QUICK_SECONDS = 60


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        assert response.status == 200
        return response.read().decode()


def test_every_app_is_ready_and_status_says_so(dev: LiveStack) -> None:
    done = dev.run("status", "--json")
    apps = json.loads(done.stdout)["apps"]
    assert {"h2o-example", "nginx"} <= {app["name"] for app in apps}
    for app in apps:
        keys = ["name", "system", "cluster", "namespace", "url", "host", "ready", "desired", "image", "origin"]
        assert list(app) == keys
        assert app["origin"] in ("own", "public", "built here", "stand-in")
        assert app["ready"] == app["desired"] > 0, app
        name = f"{app['name']}.localhost" if app["host"] else "127.0.0.1"
        scheme = "https" if app["host"] else "http"
        assert app["url"] is None or app["url"].startswith(f"{scheme}://{name}:"), app


def test_the_api_mock_answers_as_specified(dev: LiveStack) -> None:
    app = dev.apps()["h2o-example"]
    assert app["ready"] == 2
    assert fetch(f"{app['url']}/").strip() == "Served by h2o"
    answer = json.loads(fetch(f"{app['url']}/auth.json"))
    assert answer["succeeded"] is True
    assert set(answer["auth"]) == {"token", "message", "expire"}


def test_nginx_answers(dev: LiveStack) -> None:
    app = dev.apps()["nginx"]
    assert app["ready"] == 2
    assert "Welcome to nginx" in fetch(f"{app['url']}/")


def test_a_second_up_changes_nothing(dev: LiveStack) -> None:
    before = dev.pods()
    started = time.monotonic()
    assert "no changes" in dev.run("up").stdout
    assert time.monotonic() - started < QUICK_SECONDS
    assert dev.pods() == before
    assert dev.run("preview").stdout.strip() == "stack dev: no changes"
    assert set(json.loads(dev.run("preview", "--json").stdout)["counts"].values()) == {0}


def test_a_root_pod_is_refused_where_the_mock_runs(dev: LiveStack) -> None:
    namespace = dev.apps()["h2o-example"]["namespace"]
    pod = live.restricted_pod("root", namespace, "busybox:1")
    pod["spec"]["securityContext"] = {"runAsUser": 0}
    done = live.kubectl("apply", "-f", "-", "--dry-run=server", document=pod, check=False)
    assert done.returncode != 0
    assert 'violates PodSecurity "restricted' in done.stderr
    assert "runAsNonRoot" in done.stderr
