from __future__ import annotations

import httpx

from local.images.reference import Reference
from local.images.registry import PublicProbes


def test_an_image_behind_a_token_is_found() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "auth.example":
            assert request.url.params["scope"] == "repository:library/nginx:pull"
            return httpx.Response(200, json={"token": "t"})
        assert request.url == "https://registry-1.docker.io/v2/library/nginx/manifests/1"
        if request.headers.get("authorization") == "Bearer t":
            return httpx.Response(200)
        challenge = 'Bearer realm="https://auth.example/token",service="s",scope="repository:library/nginx:pull"'
        return httpx.Response(401, headers={"www-authenticate": challenge})

    assert PublicProbes(transport=httpx.MockTransport(answer)).look(Reference.parse("nginx:1")).found


def test_a_silent_host_is_asked_once() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        raise httpx.ConnectTimeout("nobody there")

    probes = PublicProbes(transport=httpx.MockTransport(answer))
    for name in ("nginx:1", "redis:1", "ghcr.io/a/b:1"):
        probe = probes.look(Reference.parse(name))
        assert not probe.found
        assert "cannot be reached" in probe.reason
    assert asked == ["registry-1.docker.io", "ghcr.io"]


def test_an_image_that_the_registry_does_not_have_is_told_from_a_silent_registry() -> None:
    probes = PublicProbes(transport=httpx.MockTransport(lambda _: httpx.Response(404)))
    probe = probes.look(Reference.parse("cotoami/cotoami:1.0.0"))
    assert not probe.found
    assert probe.reason == "docker.io answers 404 for docker.io/cotoami/cotoami:1.0.0"


def test_no_token_is_sent_for_over_plain_http() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(401, headers={"www-authenticate": 'Bearer realm="http://auth.example/token"'})

    assert not PublicProbes(transport=httpx.MockTransport(answer)).look(Reference.parse("nginx:1")).found
    assert len(asked) == 1
