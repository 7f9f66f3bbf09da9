"""http-debug-server behind the ingress controller: the cookie `route` ties a client to one pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support import live

if TYPE_CHECKING:
    from tests.support.live import LiveStack

pytestmark = pytest.mark.cluster
HOST = {"Host": "debug.example.com"}
REQUESTS = 200


@pytest.fixture(scope="module")
def url(urls: dict[str, str]) -> str:
    """Where the ingress controller answers, once it knows the app."""
    address = urls["local-traefik"]
    live.eventually(lambda: httpx.get(address, headers=HOST).status_code == 200)
    return address


def _hostnames(url: str, cookies: dict[str, str] | None = None) -> set[str]:
    names: set[str] = set()
    # A connection each time: a kept one would stay with its pod without any cookie.
    with httpx.Client(headers=HOST, cookies=cookies, limits=httpx.Limits(max_keepalive_connections=0)) as client:
        for _ in range(REQUESTS):
            response = client.get(url)
            assert response.status_code == 200
            names.add(response.json()["hostname"])
            # The client would take up the cookie that an answer sets and stay with a pod that nobody asked for.
            if cookies is None:
                client.cookies.clear()
    return names


def test_without_the_cookie_every_pod_answers(url: str) -> None:
    pods = {pod["metadata"]["name"] for pod in live.pods("http-debug", "app=http-debug-server")}
    assert len(pods) == 3
    assert _hostnames(url) == pods


def test_with_the_cookie_one_pod_answers(url: str) -> None:
    first = httpx.get(url, headers=HOST)
    assert "route=" in first.headers["set-cookie"]
    assert "HttpOnly" in first.headers["set-cookie"]
    assert "Path=/" in first.headers["set-cookie"]
    assert _hostnames(url, {"route": first.cookies["route"]}) == {first.json()["hostname"]}


def test_a_session_moves_when_its_pod_dies(dev: LiveStack, url: str) -> None:
    first = httpx.get(url, headers=HOST)
    cookies = {"route": first.cookies["route"]}
    gone = first.json()["hostname"]
    live.kubectl("delete", "pod", "-n", "http-debug", gone, "--wait=false")

    def moved() -> bool:
        response = httpx.get(url, headers=HOST, cookies=cookies)
        return response.status_code == 200 and response.json()["hostname"] != gone

    # Traefik keeps a session on its pod until the pod is gone, so the last requests to it may fail; none after that.
    live.eventually(moved, seconds=30, every=0.05)
    _hostnames(url, cookies)
    live.eventually(lambda: dev.apps()["http-debug-server"]["ready"] == 3)


def test_an_unknown_host_gets_the_default_backend(url: str) -> None:
    response = httpx.get(url, headers={"Host": "nobody.example.com"})
    assert (response.status_code, response.text.strip()) == (404, "default backend - 404")
    assert httpx.get(f"{url}/healthz", headers={"Host": "nobody.example.com"}).status_code == 200
