from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.unit.images.running import refusal, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.images.running import Running

KEY = "k" * 32


def decoded(part: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.fixture
def auth(tmp_path: Path) -> Iterator[Running]:
    with running("auth", "PORT", {"TOKEN_KEY": KEY, "TOKEN_LIFETIME": "90"}, tmp_path / "log") as server:
        yield server


def test_a_token_is_signed_and_says_who_issued_it_for_whom_until_when(auth: Running) -> None:
    before = int(time.time())
    response = httpx.post(f"{auth.url}/token", json={"user": "anna"})
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    answer = response.json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 90)
    header, claims, signature = answer["token"].split(".")
    assert decoded(header) == {"alg": "HS256", "typ": "JWT"}
    content = decoded(claims)
    assert (content["iss"], content["sub"]) == ("auth", "anna")
    assert before <= content["iat"] <= time.time()
    assert content["exp"] == content["iat"] + 90
    expected = hmac.new(KEY.encode(), f"{header}.{claims}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "=") == expected


@pytest.mark.parametrize(
    "body", ['{"user": ""}', '{"user": 1}', '{"user": "a\\u0000b"}', '{"user": "<x>"}', "{}", "[]", "x"]
)
def test_what_is_no_name_gets_no_token(auth: Running, body: str) -> None:
    response = httpx.post(f"{auth.url}/token", content=body)
    assert response.status_code == 400
    assert "token" not in response.json()


def test_a_name_may_be_one_that_people_have(auth: Running) -> None:
    for name in ("Anna Müller", "Anna Mu\u0308ller"):
        token = httpx.post(f"{auth.url}/token", json={"user": name}).json()["token"]
        assert decoded(token.split(".")[1])["sub"] == "Anna Müller"


def test_a_name_with_more_than_64_characters_is_refused(auth: Running) -> None:
    assert httpx.post(f"{auth.url}/token", json={"user": "a" * 64}).status_code == 200
    assert httpx.post(f"{auth.url}/token", json={"user": "a" * 65}).status_code == 400


def test_tokens_come_by_post_only(auth: Running) -> None:
    assert httpx.get(f"{auth.url}/token").status_code == 405
    assert httpx.get(f"{auth.url}/healthz").json() == {"status": "ok"}


def test_neither_key_nor_tokens_are_logged(auth: Running) -> None:
    token = httpx.post(f"{auth.url}/token", json={"user": "anna"}).json()["token"]
    assert auth.stop() == 0
    assert "/token" in auth.output
    assert token not in auth.output
    assert KEY not in auth.output


def test_wrong_settings_are_refused() -> None:
    assert "TOKEN_KEY is not set" in refusal("auth", {})
    assert "TOKEN_KEY has 31 bytes" in refusal("auth", {"TOKEN_KEY": "k" * 31})
    assert "TOKEN_LIFETIME='soon'" in refusal("auth", {"TOKEN_KEY": KEY, "TOKEN_LIFETIME": "soon"})
