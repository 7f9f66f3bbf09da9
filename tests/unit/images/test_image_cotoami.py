from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from images.cotoami import settings
from images.cotoami.mail import Mailer
from images.cotoami.server import COOKIE, Cotoami, application
from images.cotoami.sessions import SESSION_SECONDS, SIGNIN_SECONDS, Sessions
from images.cotoami.store import DuplicateError, StoreError
from images.serving.http import Application, Request, Response
from tests.unit.images.servers import Redis, Smtp, running

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "0123456789abcdef" * 2
ENVIRONMENT = {
    "SECRET_KEY_BASE": SECRET,
    "COTOAMI_URL_HOST": "cotoami.example.com",
    "COTOAMI_REPO_HOST": "postgres",
    "COTOAMI_REPO_DATABASE": "cotoami",
    "COTOAMI_REPO_USER": "cotoami",
    "COTOAMI_REPO_PASSWORD": "a password",
    "COTOAMI_EMAIL_FROM": "no-reply@example.com",
}


class MemoryNotes:
    """The database's interface over dictionaries; `down` makes it fail."""

    def __init__(self) -> None:
        self.amishis: dict[str, dict[str, Any]] = {}
        self.written: list[dict[str, Any]] = []
        self.named: list[dict[str, Any]] = []
        self.down = False

    def check(self) -> None:
        if self.down:
            raise StoreError("PostgreSQL at postgres:5432: no route")

    def amishi(self, email: str) -> dict[str, Any]:
        self.check()
        return self.amishis.setdefault(email, {"id": str(uuid.uuid4()), "email": email})

    def knows(self, email: str) -> bool:
        return email in self.amishis

    def cotos(self, amishi_id: str, cotonoma_key: str | None = None) -> list[dict[str, Any]]:
        mine = [coto for coto in self.written if coto["amishi"] == amishi_id]
        return [coto for coto in reversed(mine) if cotonoma_key is None or coto["cotonoma_key"] == cotonoma_key]

    def post_coto(self, amishi_id: str, content: str, cotonoma_key: str | None) -> dict[str, Any] | None:
        keys = [one["key"] for one in self.named if one["owner"] == amishi_id]
        if cotonoma_key is not None and cotonoma_key not in keys:
            return None
        coto = {"id": str(uuid.uuid4()), "content": content, "cotonoma_key": cotonoma_key, "amishi": amishi_id}
        self.written.append(coto)
        return coto

    def delete_coto(self, amishi_id: str, coto_id: str) -> bool:
        before = len(self.written)
        self.written = [c for c in self.written if (c["id"], c["amishi"]) != (coto_id, amishi_id)]
        return len(self.written) < before

    def cotonomas(self, amishi_id: str) -> list[dict[str, Any]]:
        return [one for one in self.named if one["owner"] == amishi_id]

    def post_cotonoma(self, amishi_id: str, name: str) -> dict[str, Any]:
        if any(one["name"] == name for one in self.cotonomas(amishi_id)):
            raise DuplicateError(name)
        self.named.append({"key": uuid.uuid4().hex, "name": name, "owner": amishi_id})
        return self.named[-1]


class World:
    """The app with its neighbours, asked in-process."""

    def __init__(self, redis: Redis, smtp: Smtp, *, signup_enabled: bool = True) -> None:
        self.redis = redis
        self.smtp = smtp
        self.notes = MemoryNotes()
        self.sessions = Sessions("127.0.0.1", redis.server_address[1], SECRET)
        mailer = Mailer(settings.Smtp("127.0.0.1", smtp.server_address[1], "", "", "no-reply@example.com"))
        cotoami = Cotoami(self.notes, self.sessions, mailer, "http://c.example.com", signup_enabled=signup_enabled)
        self.app: Application = application(cotoami)

    def ask(self, method: str, path: str, body: str = "", cookie: str = "") -> Response:
        headers = {"cookie": f"{COOKIE}={cookie}"} if cookie else {}
        return self.app.answer(Request(method, path, {}, headers, body.encode()))

    def sign_in(self, email: str) -> str:
        """The session's cookie of somebody who opened the mailed link."""
        assert self.ask("GET", f"/api/public/signin/request/{email}").status == 200
        answer = self.ask("GET", f"/signin/{self.mailed_token()}")
        assert answer.status == 303
        return dict(answer.headers)["Set-Cookie"].partition(";")[0].partition("=")[2]

    def mailed_token(self) -> str:
        found = re.search(r"http://c\.example\.com/signin/(\S+)", self.smtp.mails[-1])
        assert found
        return found[1]


@pytest.fixture
def world() -> Iterator[World]:
    with running(Redis("127.0.0.1")) as redis, running(Smtp()) as smtp:
        yield World(redis, smtp)


def test_the_mailed_link_signs_in_once(world: World) -> None:
    assert world.ask("GET", "/api/public/session").status == 401
    cookie = world.sign_in("Anna@Example.com")
    assert "To: anna@example.com" in world.smtp.mails[0]
    assert "anna@example.com" in str(world.ask("GET", "/api/public/session", cookie=cookie).body)
    assert world.ask("GET", f"/signin/{world.mailed_token()}").status == 404


def test_tokens_and_sessions_end_by_themselves(world: World) -> None:
    world.sign_in("anna@example.com")
    assert set(world.redis.expiry.values()) == {SIGNIN_SECONDS, SESSION_SECONDS}


def test_a_forged_cookie_is_nobody(world: World) -> None:
    cookie = world.sign_in("anna@example.com")
    identity, _, signature = cookie.partition(".")
    for forged in (identity, f"{identity}.", f"{identity}.{'0' * len(signature)}", f"x.{signature}", "..", "é.é"):
        assert world.ask("GET", "/api/cotos", cookie=forged).status == 401
    other = Sessions("127.0.0.1", world.redis.server_address[1], "another secret of 32 characters!")
    assert other.find(cookie) is None


def test_signing_out_ends_the_session_everywhere(world: World) -> None:
    cookie = world.sign_in("anna@example.com")
    assert world.ask("GET", "/signout", cookie=cookie).status == 303
    assert world.ask("GET", "/api/cotos", cookie=cookie).status == 401


def test_everybody_sees_the_own_notes_only(world: World) -> None:
    anna, bert = world.sign_in("anna@example.com"), world.sign_in("bert@example.com")
    assert world.ask("POST", "/api/cotonomas", '{"name": "ideas"}', anna).status == 201
    key = world.notes.named[0]["key"]
    assert (
        world.ask("POST", "/api/cotos", f'{{"coto": {{"content": "one"}}, "cotonoma_key": "{key}"}}', anna).status
        == 201
    )
    assert world.ask("POST", "/api/cotos", '{"content": "two"}', anna).status == 201
    assert "one" in str(world.ask("GET", f"/api/cotonomas/{key}/cotos", cookie=anna).body)
    assert "two" not in str(world.ask("GET", f"/api/cotonomas/{key}/cotos", cookie=anna).body)
    assert world.ask("GET", "/api/cotos", cookie=bert).body == '{"cotos": []}\n'
    assert world.ask("POST", "/api/cotos", f'{{"content": "x", "cotonoma_key": "{key}"}}', bert).status == 404
    coto = world.notes.written[0]["id"]
    assert world.ask("DELETE", f"/api/cotos/{coto}", cookie=bert).status == 404
    assert world.ask("DELETE", f"/api/cotos/{coto}", cookie=anna).status == 200


@pytest.mark.parametrize("body", ["{}", '{"content": " "}', '{"content": 1}', '{"coto": {}}', '{"coto": "x"}', "x"])
def test_a_coto_without_content_is_refused(world: World, body: str) -> None:
    cookie = world.sign_in("anna@example.com")
    assert world.ask("POST", "/api/cotos", body, cookie).status == 400
    assert not world.notes.written


def test_a_name_is_given_once(world: World) -> None:
    cookie = world.sign_in("anna@example.com")
    assert world.ask("POST", "/api/cotonomas", '{"name": "ideas"}', cookie).status == 201
    assert world.ask("POST", "/api/cotonomas", '{"name": "ideas"}', cookie).status == 409


def test_a_missing_neighbour_is_named_and_the_page_still_there(world: World) -> None:
    world.notes.down = True
    answer = world.ask("GET", "/health_check")
    assert answer.status == 503
    assert "PostgreSQL at postgres:5432" in str(answer.body)
    assert world.ask("GET", "/").status == 200


def test_without_sign_up_strangers_get_no_mail() -> None:
    with running(Redis("127.0.0.1")) as redis, running(Smtp()) as smtp:
        world = World(redis, smtp, signup_enabled=False)
        assert world.ask("GET", "/api/public/signin/request/anna@example.com").status == 200
        assert not smtp.mails
        world.notes.amishi("anna@example.com")
        assert world.ask("GET", "/api/public/signin/request/anna@example.com").status == 200
        assert len(smtp.mails) == 1


def test_a_mail_server_that_is_away_is_named() -> None:
    with running(Smtp()) as smtp:
        pass
    with running(Redis("127.0.0.1")) as redis:
        answer = World(redis, smtp).ask("GET", "/api/public/signin/request/anna@example.com")
    assert answer.status == 503
    assert "SMTP server 127.0.0.1" in str(answer.body)


def test_settings_are_read_as_cotoami_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**ENVIRONMENT, "COTOAMI_URL_PORT": "30090", "PORT": "4000"}.items():
        monkeypatch.setenv(name, value)
    read = settings.read()
    assert (read.port, read.base_url) == (4000, "http://cotoami.example.com:30090")
    assert read.database == settings.Database("postgres", 5432, "cotoami", "cotoami", "a password")
    monkeypatch.setenv("COTOAMI_URL_SCHEME", "https")
    monkeypatch.setenv("COTOAMI_URL_PORT", "443")
    assert settings.read().base_url == "https://cotoami.example.com"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("COTOAMI_REPO_PASSWORD", "", "COTOAMI_REPO_PASSWORD is not set"),
        ("SECRET_KEY_BASE", "short", "needs 32 or more"),
        ("COTOAMI_URL_SCHEME", "ftp", "there are http and https"),
        ("COTOAMI_SIGNUP_ENABLED", "yes", "there are true and false"),
    ],
)
def test_a_wrong_setting_ends_the_program(name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for known, text in {**ENVIRONMENT, name: value}.items():
        monkeypatch.setenv(known, text)
    with pytest.raises(SystemExit, match=message):
        settings.read()
