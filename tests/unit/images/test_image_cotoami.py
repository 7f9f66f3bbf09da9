from __future__ import annotations

import re
import uuid
from email import message_from_string, policy
from typing import TYPE_CHECKING, Any

import pytest

from images.cotoami import settings
from images.cotoami.address import Address
from images.cotoami.mail import Mailer
from images.cotoami.server import COOKIE, Cotoami, application
from images.cotoami.sessions import SESSION_SECONDS, SIGNIN_SECONDS, Sessions
from images.cotoami.store import DuplicateError, Notes, StoreError
from tests.unit.images.servers import Redis, Smtp, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.test import TestResponse

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

    def change_coto(self, amishi_id: str, coto_id: uuid.UUID, content: str) -> dict[str, Any] | None:
        for coto in self.written:
            if (coto["id"], coto["amishi"]) == (str(coto_id), amishi_id):
                coto["content"] = content
                return coto
        return None

    def delete_coto(self, amishi_id: str, coto_id: uuid.UUID) -> bool:
        before = len(self.written)
        self.written = [c for c in self.written if (c["id"], c["amishi"]) != (str(coto_id), amishi_id)]
        return len(self.written) < before

    def cotonomas(self, amishi_id: str) -> list[dict[str, Any]]:
        return [one for one in self.named if one["owner"] == amishi_id]

    def post_cotonoma(self, amishi_id: str, name: str) -> dict[str, Any]:
        if any(one["name"] == name for one in self.cotonomas(amishi_id)):
            raise DuplicateError(name)
        self.named.append({"key": uuid.uuid4().hex, "name": name, "owner": amishi_id})
        return self.named[-1]

    def rename_cotonoma(self, amishi_id: str, key: str, name: str) -> dict[str, Any] | None:
        for one in self.cotonomas(amishi_id):
            if one["key"] == key:
                one["name"] = name
                return one
        return None

    def delete_cotonoma(self, amishi_id: str, key: str) -> bool:
        before = len(self.named)
        self.named = [one for one in self.named if (one["key"], one["owner"]) != (key, amishi_id)]
        return len(self.named) < before


class World:
    """The app with its neighbours, asked in-process."""

    def __init__(self, redis: Redis, smtp: Smtp, *, signup_enabled: bool = True) -> None:
        self.redis = redis
        self.smtp = smtp
        self.notes = MemoryNotes()
        self.sessions = Sessions("127.0.0.1", redis.server_address[1], SECRET)
        mailer = Mailer(settings.Smtp("127.0.0.1", smtp.server_address[1], "", "", "no-reply@example.com"))
        own = Address("http", "c.example.com", 80)
        cotoami = Cotoami(self.notes, self.sessions, mailer, own, signup_enabled=signup_enabled)
        self.app = application(cotoami)

    def ask(
        self, method: str, path: str, body: str = "", cookie: str = "", headers: dict[str, str] | None = None
    ) -> TestResponse:
        client = self.app.test_client(use_cookies=False)
        sent = {**(headers or {}), **({"Cookie": f"{COOKIE}={cookie}"} if cookie else {})}
        return client.open(path, method=method, data=body.encode(), headers=sent)

    def sign_in(self, email: str) -> str:
        """The session's cookie of somebody who opened the mailed link."""
        assert self.ask("GET", f"/api/public/signin/request/{email}").status_code == 200
        answer = self.ask("GET", f"/signin/{self.mailed_token()}")
        assert answer.status_code == 303
        return answer.headers["Set-Cookie"].partition(";")[0].partition("=")[2]

    def mailed_link(self) -> str:
        found = re.search(r"http\S+/signin/\S+", self.smtp.mails[-1])
        assert found
        return found[0]

    def mailed_token(self) -> str:
        return self.mailed_link().rpartition("/")[2]


@pytest.fixture
def world() -> Iterator[World]:
    with running(Redis("127.0.0.1")) as redis, running(Smtp()) as smtp:
        yield World(redis, smtp)


def test_the_mailed_link_signs_in_once(world: World) -> None:
    assert world.ask("GET", "/api/public/session").status_code == 401
    cookie = world.sign_in("Anna@Example.com")
    assert "To: anna@example.com" in world.smtp.mails[0]
    assert "anna@example.com" in world.ask("GET", "/api/public/session", cookie=cookie).text
    used = world.ask("GET", f"/signin/{world.mailed_token()}")
    assert (used.status_code, used.mimetype) == (404, "text/html")
    assert "Ask for a new link" in used.text
    assert world.ask("GET", "/signin/%ff%00").status_code == 400


def test_the_mail_has_the_link_as_text_and_to_click(world: World) -> None:
    world.ask("GET", "/api/public/signin/request/anna@example.com")
    mail = message_from_string(world.smtp.mails[-1], policy=policy.default)
    text, page = (str(part.get_content()) for part in mail.iter_parts())
    assert world.mailed_link() in text
    assert f'<a href="{world.mailed_link()}"' in page


@pytest.mark.parametrize(
    ("headers", "begin"),
    [
        ({"Host": "c.example.com"}, "http://c.example.com"),
        ({"Host": "c.example.com:30082"}, "http://c.example.com:30082"),
        ({"Host": "cotoami.localhost:30082"}, "http://cotoami.localhost:30082"),
        ({"Host": "127.0.0.1:30083"}, "http://127.0.0.1:30083"),
        ({"Host": "[::1]:30083"}, "http://[::1]:30083"),
        ({"Host": "x", "X-Forwarded-Host": "c.example.com", "X-Forwarded-Proto": "https"}, "https://c.example.com"),
        # Whoever asks for somebody else's mail does not decide where its link leads.
        ({"Host": "evil.example.net"}, "http://c.example.com"),
        ({"Host": "9.9.9.9"}, "http://c.example.com"),
        ({"Host": "c.example.com:80@evil.example.net"}, "http://c.example.com"),
        ({"Host": "evil.example.net/.localhost"}, "http://c.example.com"),
        ({"Host": "c.example.com", "X-Forwarded-Host": "evil.example.net"}, "http://c.example.com"),
    ],
)
def test_the_link_has_the_address_that_the_person_uses(world: World, headers: dict[str, str], begin: str) -> None:
    world.ask("GET", "/api/public/signin/request/anna@example.com", headers=headers)
    assert world.mailed_link() == f"{begin}/signin/{world.mailed_token()}"


def test_an_app_without_an_address_of_its_own_takes_any() -> None:
    assert Address("http", "localhost", 30083).of("http", "203.0.113.7:30083") == "http://203.0.113.7:30083"
    assert Address("http", "localhost", 30083).of("http", "a b") == "http://localhost:30083"


def test_asking_for_the_headers_has_no_effect(world: World) -> None:
    assert world.ask("HEAD", "/api/public/signin/request/anna@example.com").status_code == 200
    assert not world.smtp.mails
    cookie = world.sign_in("anna@example.com")
    world.ask("GET", "/api/public/signin/request/anna@example.com")
    assert world.ask("HEAD", f"/signin/{world.mailed_token()}").status_code == 200
    assert world.ask("HEAD", "/signout", cookie=cookie).status_code == 303
    assert world.ask("GET", "/api/cotos", cookie=cookie).status_code == 200
    assert world.ask("GET", f"/signin/{world.mailed_token()}").status_code == 303


def test_tokens_and_sessions_end_by_themselves(world: World) -> None:
    world.sign_in("anna@example.com")
    assert set(world.redis.expiry.values()) == {SIGNIN_SECONDS, SESSION_SECONDS}


def test_a_forged_cookie_is_nobody(world: World) -> None:
    cookie = world.sign_in("anna@example.com")
    identity, _, signature = cookie.partition(".")
    for forged in (identity, f"{identity}.", f"{identity}.{'0' * len(signature)}", f"x.{signature}", "..", "é.é"):
        assert world.ask("GET", "/api/cotos", cookie=forged).status_code == 401
    other = Sessions("127.0.0.1", world.redis.server_address[1], "another secret of 32 characters!")
    assert other.find(cookie) is None


def test_signing_out_ends_the_session_everywhere(world: World) -> None:
    cookie = world.sign_in("anna@example.com")
    assert world.ask("GET", "/signout", cookie=cookie).status_code == 303
    assert world.ask("GET", "/api/cotos", cookie=cookie).status_code == 401


def test_everybody_sees_the_own_notes_only(world: World) -> None:
    anna, bert = world.sign_in("anna@example.com"), world.sign_in("bert@example.com")
    assert world.ask("POST", "/api/cotonomas", '{"name": "ideas"}', anna).status_code == 201
    key = world.notes.named[0]["key"]
    assert (
        world.ask("POST", "/api/cotos", f'{{"coto": {{"content": "one"}}, "cotonoma_key": "{key}"}}', anna).status_code
        == 201
    )
    assert world.ask("POST", "/api/cotos", '{"content": "two"}', anna).status_code == 201
    assert "one" in world.ask("GET", f"/api/cotonomas/{key}/cotos", cookie=anna).text
    assert "two" not in world.ask("GET", f"/api/cotonomas/{key}/cotos", cookie=anna).text
    assert world.ask("GET", "/api/cotos", cookie=bert).json == {"cotos": []}
    assert world.ask("POST", "/api/cotos", f'{{"content": "x", "cotonoma_key": "{key}"}}', bert).status_code == 404
    coto = world.notes.written[0]["id"]
    assert world.ask("DELETE", f"/api/cotos/{coto}", cookie=bert).status_code == 404
    assert world.ask("DELETE", f"/api/cotos/{coto}", cookie=anna).status_code == 200


def test_cotos_and_cotonomas_are_changed_and_removed_by_their_owner(world: World) -> None:
    anna, bert = world.sign_in("anna@example.com"), world.sign_in("bert@example.com")
    world.ask("POST", "/api/cotonomas", '{"name": "Anna Müller"}', anna)
    world.ask("POST", "/api/cotos", '{"content": "one"}', anna)
    paths = (f"/api/cotonomas/{world.notes.named[0]['key']}", f"/api/cotos/{world.notes.written[0]['id']}")
    body = '{"name": "other", "content": "two"}'
    for path in paths:
        assert world.ask("PATCH", path, body, bert).status_code == 404
        assert world.ask("PATCH", path, body, anna).status_code == 200
        assert world.ask("PATCH", path, '{"name": "\\u0000", "content": "\\u0000"}', anna).status_code == 400
    assert (world.notes.named[0]["name"], world.notes.written[0]["content"]) == ("other", "two")
    for path in paths:
        assert world.ask("DELETE", path, cookie=bert).status_code == 404
        assert world.ask("DELETE", path, cookie=anna).status_code == 200
        assert world.ask("DELETE", path, cookie=anna).status_code == 404


@pytest.mark.parametrize("text", ["\\u0000", "a \\ud83d", "\\udc00"])
def test_what_cannot_be_stored_is_refused_and_hides_nothing(world: World, text: str) -> None:
    cookie = world.sign_in("anna@example.com")
    assert world.ask("POST", "/api/cotos", '{"content": "kept"}', cookie).status_code == 201
    for path, body in (
        ("cotos", f'{{"content": "{text}"}}'),
        ("cotos", f'{{"content": "a", "cotonoma_key": "{text}"}}'),
        ("cotonomas", f'{{"name": "{text}"}}'),
    ):
        answer = world.ask("POST", f"/api/{path}", body, cookie)
        assert (answer.status_code, "cannot be stored" in answer.text) == (400, True)
    assert [coto["content"] for coto in world.ask("GET", "/api/cotos", cookie=cookie).get_json()["cotos"]] == ["kept"]


@pytest.mark.parametrize(
    "address", ["anna", "a b@example.com", "a@b,c@d", "a%00@example.com", "<a>@example.com", "a@-"]
)
def test_what_is_no_mail_address_gets_no_mail(world: World, address: str) -> None:
    assert world.ask("GET", f"/api/public/signin/request/{address}").status_code == 400
    assert not world.smtp.mails


@pytest.mark.parametrize("body", ["{}", '{"content": " "}', '{"content": 1}', '{"coto": {}}', '{"coto": "x"}', "x"])
def test_a_coto_without_content_is_refused(world: World, body: str) -> None:
    cookie = world.sign_in("anna@example.com")
    assert world.ask("POST", "/api/cotos", body, cookie).status_code == 400
    assert not world.notes.written


def test_a_name_is_given_once(world: World) -> None:
    cookie = world.sign_in("anna@example.com")
    assert world.ask("POST", "/api/cotonomas", '{"name": "ideas"}', cookie).status_code == 201
    assert world.ask("POST", "/api/cotonomas", '{"name": "ideas"}', cookie).status_code == 409


def test_the_databases_own_words_are_in_the_log_alone(capfd: pytest.CaptureFixture[str]) -> None:
    with running(Smtp()) as gone:
        port = gone.server_address[1]
    notes = Notes(settings.Database("127.0.0.1", port, "cotoami", "cotoami", "a password"))
    with pytest.raises(StoreError) as failed:
        notes.check()
    assert str(failed.value) == f"PostgreSQL at 127.0.0.1:{port} does not answer as it should; try again in a moment"
    assert "refused" in capfd.readouterr().out


def test_a_missing_neighbour_is_named_and_the_page_still_there(world: World) -> None:
    world.notes.down = True
    answer = world.ask("GET", "/health_check")
    assert answer.status_code == 503
    assert "PostgreSQL at postgres:5432" in answer.text
    assert world.ask("GET", "/").status_code == 200


def test_without_sign_up_strangers_get_no_mail() -> None:
    with running(Redis("127.0.0.1")) as redis, running(Smtp()) as smtp:
        world = World(redis, smtp, signup_enabled=False)
        assert world.ask("GET", "/api/public/signin/request/anna@example.com").status_code == 200
        assert not smtp.mails
        world.notes.amishi("anna@example.com")
        assert world.ask("GET", "/api/public/signin/request/anna@example.com").status_code == 200
        assert len(smtp.mails) == 1


def test_a_mail_server_that_is_away_is_named() -> None:
    with running(Smtp()) as smtp:
        pass
    with running(Redis("127.0.0.1")) as redis:
        answer = World(redis, smtp).ask("GET", "/api/public/signin/request/anna@example.com")
    assert answer.status_code == 503
    assert "SMTP server 127.0.0.1" in answer.text


def test_settings_are_read_as_cotoami_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**ENVIRONMENT, "COTOAMI_URL_PORT": "30090", "PORT": "4000"}.items():
        monkeypatch.setenv(name, value)
    read = settings.read()
    assert (read.port, str(read.address)) == (4000, "http://cotoami.example.com:30090")
    assert read.database == settings.Database("postgres", 5432, "cotoami", "cotoami", "a password")
    monkeypatch.setenv("COTOAMI_URL_SCHEME", "https")
    monkeypatch.setenv("COTOAMI_URL_PORT", "443")
    assert str(settings.read().address) == "https://cotoami.example.com"


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
