"""The todo app: tokens from auth, todos in GridDB, which keeps them."""

from __future__ import annotations

import base64
import json
import uuid
from typing import TYPE_CHECKING

import httpx
import pytest

from local.progress import SilentProgress
from tests.support import live

if TYPE_CHECKING:
    from local.cluster import EmbeddedCluster
    from tests.support.live import LiveStack

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def url(urls: dict[str, str]) -> str:
    return urls["todo-web-server"]


def _sign_in(url: str, user: str) -> dict[str, str]:
    response = httpx.post(f"{url}/api/signin", json={"user": user}, timeout=10)
    assert response.status_code == 200, response.text
    return {"Authorization": f"Bearer {response.json()['token']}"}


def _titles(url: str, headers: dict[str, str]) -> list[str]:
    response = httpx.get(f"{url}/api/todos", headers=headers, timeout=10)
    response.raise_for_status()
    return [todo["title"] for todo in response.json()["todos"]]


def test_the_endpoints_want_a_token(url: str) -> None:
    assert httpx.get(f"{url}/api/todos").status_code == 401
    headers = _sign_in(url, "mallory")
    head, body, signature = headers["Authorization"].removeprefix("Bearer ").split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    forged = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "anna"}).encode()).decode().rstrip("=")
    answer = httpx.get(f"{url}/api/todos", headers={"Authorization": f"Bearer {head}.{forged}.{signature}"})
    assert answer.status_code == 401


def test_a_todo_survives_a_restart_of_the_whole_cluster(dev: LiveStack, machine: EmbeddedCluster, url: str) -> None:
    headers = _sign_in(url, "anna")
    title = f"restart {uuid.uuid4().hex}"
    assert httpx.post(f"{url}/api/todos", headers=headers, json={"title": title}, timeout=10).status_code == 201
    machine.down(SilentProgress())
    machine.up(SilentProgress())
    live.eventually(lambda: title in _titles(url, headers), seconds=180)
    live.eventually(lambda: all(app["ready"] == app["desired"] for app in dev.apps().values()), seconds=180, every=2)
