from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import signal
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.unit.images.running import ROOT, Running, load, refusal, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "shared-key-of-32-characters-here"


class System:
    """auth, griddb-server and web-server, each a process of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running: dict[str, Running] = {}
        shutil.copytree(ROOT / "images" / "griddb-server" / "conf", directory / "conf")
        self.auth = self.begin("auth", "PORT", {"TOKEN_KEY": KEY})
        self.griddb = self.begin("griddb-server", "GRIDDB_PORT", {"GRIDDB_HOME": str(directory)})
        self.web = self.begin_web()

    def begin(self, name: str, port_variable: str, settings: dict[str, str]) -> Running:
        """Start a part, on the port that it had if it ran before."""
        before = self._running.get(name)
        server = start(
            name, port_variable, settings, self._directory / f"{name}.log", port=before.port if before else None
        )
        self._running[name] = server
        return server

    def begin_web(self, **settings: str) -> Running:
        return self.begin(
            "web-server",
            "PORT",
            {
                "TOKEN_KEY": KEY,
                "AUTH_URL": self.auth.url,
                "GRIDDB_HOST": "127.0.0.1",
                "GRIDDB_PORT": str(self.griddb.port),
                "GRIDDB_CLUSTER_NAME": "myCluster",
                **settings,
            },
        )

    def begin_griddb(self) -> None:
        self.griddb = self.begin("griddb-server", "GRIDDB_PORT", {"GRIDDB_HOME": str(self._directory)})

    def client(self, user: str = "anna") -> httpx.Client:
        answer = httpx.post(f"{self.web.url}/api/signin", json={"user": user})
        assert answer.status_code == 200, answer.text
        return self.bearer(answer.json()["token"])

    def bearer(self, token: str) -> httpx.Client:
        return httpx.Client(base_url=self.web.url, headers={"Authorization": f"Bearer {token}"}, timeout=20)

    def end(self) -> None:
        for server in self._running.values():
            if server.process.poll() is None:
                server.process.kill()
                server.process.wait()


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    made = System(tmp_path)
    yield made
    made.end()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One for the tests that stop nothing and store nothing."""
    made = System(tmp_path_factory.mktemp("shared"))
    yield made
    made.end()


def token(key: str = KEY, header: dict[str, Any] | None = None, **claims: object) -> str:
    """A token made here, with everything right unless told otherwise."""

    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    content: dict[str, object] = {"iss": "auth", "sub": "anna", "exp": time.time() + 86400, **claims}
    parts = [header or {"alg": "HS256", "typ": "JWT"}, {k: v for k, v in content.items() if v is not None}]
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{encoded(hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest())}"


def test_todos_are_added_changed_and_removed(system: System) -> None:
    client = system.client()
    assert client.get("/api/todos").json() == {"todos": []}
    added = client.post("/api/todos", json={"title": "  milk & <b>bread</b>  "})
    assert added.status_code == 201
    todo = added.json()
    assert (todo["title"], todo["done"]) == ("milk & <b>bread</b>", False)
    second = client.post("/api/todos", json={"title": "tea"}).json()
    assert client.get("/api/todos").json()["todos"] == [todo, second]
    changed = client.patch(f"/api/todos/{todo['id']}", json={"done": True})
    assert changed.json() == {**todo, "done": True}
    assert client.patch(f"/api/todos/{todo['id']}", json={"title": "milk"}).json()["title"] == "milk"
    removed = client.delete(f"/api/todos/{second['id']}")
    assert (removed.status_code, removed.content) == (204, b"")
    assert client.get("/api/todos").json()["todos"] == [{**todo, "done": True, "title": "milk"}]


def test_each_user_sees_the_own_todos_only(system: System) -> None:
    anna, bert = system.client("anna"), system.client("bert")
    todo = anna.post("/api/todos", json={"title": "mine"}).json()
    assert bert.get("/api/todos").json() == {"todos": []}
    assert bert.patch(f"/api/todos/{todo['id']}", json={"done": True}).status_code == 404
    assert bert.delete(f"/api/todos/{todo['id']}").status_code == 404
    assert anna.get("/api/todos").json()["todos"] == [todo]


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        (token(exp=time.time() - 1), "expired"),
        (token(exp=None), "expired"),
        (token(exp=True), "expired"),
        (token(key="another-key-of-32-characters-....."), "signature"),
        (token(iss="somebody"), "somebody else"),
        (token(sub=None), "names nobody"),
        (token(header={"alg": "none"}), "not signed with HS256"),
        (token(header={"alg": "HS512"}), "not signed with HS256"),
        (token(header={"alg": "HS256", "crit": ["exp"]}), "not signed with HS256"),
        (token().rsplit(".", 1)[0] + ".", "malformed"),
        (token() + "=", "signature"),
        (token() + ".x", "malformed"),
        (token(sub="a" * 5000), "malformed"),
        ("x", "malformed"),
        ("..", "malformed"),
    ],
)
def test_a_token_that_is_not_right_is_refused(shared: System, forged: str, reason: str) -> None:
    answer = shared.bearer(forged).get("/api/todos")
    assert answer.status_code == 401
    assert reason in answer.json()["error"]


def test_a_right_token_of_somebody_with_the_key_is_taken(shared: System) -> None:
    assert shared.bearer(token()).get("/api/todos").status_code == 200


def test_every_endpoint_of_todos_wants_a_token(shared: System) -> None:
    for method, path in (("GET", ""), ("POST", ""), ("PATCH", "/1"), ("DELETE", "/1")):
        for headers in ({}, {"Authorization": "Basic YTpi"}):
            answer = httpx.request(method, f"{shared.web.url}/api/todos{path}", headers=headers)
            assert answer.status_code == 401, method
            assert "no token" in answer.json()["error"]


def test_the_example_of_rfc_7515_is_understood() -> None:
    """RFC 7515, A.1: a token of the issuer "joe" which names no subject, valid until 1300819380."""
    tokens = load("web-server", "tokens")
    key = base64.urlsafe_b64decode(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow=="
    )
    example = (
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    )
    with pytest.raises(tokens.TokenError, match="names nobody"):
        tokens.verify(example, key, "joe", 1300819379)
    with pytest.raises(tokens.TokenError, match="expired"):
        tokens.verify(example, key, "joe", 1300819380)
    with pytest.raises(tokens.TokenError, match="signature"):
        tokens.verify(example[:-1] + "A", key, "joe", 1300819379)


def test_what_is_no_todo_is_refused(system: System) -> None:
    client = system.client()
    for body in ("{}", '{"title": ""}', '{"title": " "}', '{"title": 1}', "[]", "x", '{"title": "' + "x" * 201 + '"}'):
        assert client.post("/api/todos", content=body).status_code == 400, body
    todo = client.post("/api/todos", json={"title": "x" * 200}).json()
    for body in ({}, {"done": "yes"}, {"title": ""}):
        assert client.patch(f"/api/todos/{todo['id']}", json=body).status_code == 400, body
    assert client.patch("/api/todos/nothing", json={"done": True}).status_code == 404
    assert client.get("/api/todos").json()["todos"] == [todo]


def test_todos_survive_the_database_and_the_server_goes_on_without_it(system: System) -> None:
    client = system.client()
    todo = client.post("/api/todos", json={"title": "kept"}).json()
    system.griddb.stop(signal.SIGKILL)
    for answer in (client.get("/api/todos"), client.post("/api/todos", json={"title": "lost"})):
        assert answer.status_code == 503
        assert "does not answer" in answer.json()["error"]
    assert client.get("/healthz").status_code == 200
    system.begin_griddb()
    assert client.get("/api/todos").json()["todos"] == [todo]
    assert "Traceback" not in system.web.output


def test_something_else_in_the_place_of_the_database_is_not_taken_for_it(system: System) -> None:
    system.web.stop()
    # auth speaks HTTP: it answers the line with an error of its own.
    system.web = system.begin_web(GRIDDB_PORT=str(system.auth.port))
    answer = system.client().get("/api/todos")
    assert answer.status_code == 503
    assert "no griddb-server" in answer.json()["error"]


def test_a_database_that_is_started_anew_is_not_noticed(system: System) -> None:
    client = system.client()
    todo = client.post("/api/todos", json={"title": "kept"}).json()
    system.griddb.stop()
    system.begin_griddb()
    assert client.patch(f"/api/todos/{todo['id']}", json={"done": True}).status_code == 200


def test_without_auth_nobody_signs_in_but_tokens_stay_good(system: System) -> None:
    client = system.client()
    system.auth.stop()
    answer = httpx.post(f"{system.web.url}/api/signin", json={"user": "bert"})
    assert answer.status_code == 503
    assert "auth" in answer.json()["error"]
    assert client.get("/api/todos").status_code == 200


def test_a_wrong_name_is_told_in_the_words_of_auth(shared: System) -> None:
    answer = httpx.post(f"{shared.web.url}/api/signin", json={"user": "no name"})
    assert answer.status_code == 400
    assert "letters, digits" in answer.json()["error"]


def test_a_database_of_another_cluster_is_not_used(system: System) -> None:
    system.web.stop()
    system.web = system.begin_web(GRIDDB_CLUSTER_NAME="otherCluster")
    answer = system.client().get("/api/todos")
    assert answer.status_code == 503
    assert "this is cluster 'myCluster'" in answer.json()["error"]


def test_the_page_has_what_it_refers_to(shared: System) -> None:
    page = httpx.get(shared.web.url)
    assert page.status_code == 200
    assert "<title>Todo</title>" in page.text
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for name, kind in (("todo.js", "text/javascript"), ("todo.css", "text/css")):
        assert name in page.text
        part = httpx.get(f"{shared.web.url}/{name}")
        assert (part.status_code, part.headers["content-type"].split(";")[0]) == (200, kind)


def test_wrong_settings_are_refused() -> None:
    assert "TOKEN_KEY is not set" in refusal("web-server", {})
    assert "AUTH_URL='auth:2828'" in refusal("web-server", {"TOKEN_KEY": KEY, "AUTH_URL": "auth:2828"})
    assert "GRIDDB_PORT='x' is not a port" in refusal("web-server", {"TOKEN_KEY": KEY, "GRIDDB_PORT": "x"})
