"""The todo app's server over HTTP, as its image runs it, with a real database behind it."""

from __future__ import annotations

import re
import signal
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.builds import maven
from tests.builds.todo import KEY, System, exchange, token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The builds of the server and of what stands in for GridDB."""
    directory = tmp_path_factory.mktemp("maven")
    return maven.package("web-server", directory), maven.package("h2", directory)


@pytest.fixture(scope="module")
def system(targets: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    made = System(*targets, tmp_path_factory.mktemp("system"))
    yield made
    made.end()


@pytest.fixture
def anna(system: System, request: pytest.FixtureRequest) -> httpx.Client:
    """A person whom no other test knows."""
    return system.client(f"anna {request.node.name}"[:64])


def test_the_images_own_tests_ran(targets: tuple[Path, Path]) -> None:
    assert [set(maven.passed(target)) for target in targets] == [{"SettingsTest", "TodosTest"}, {"StartTest"}]


def test_todos_are_added_changed_and_removed(anna: httpx.Client) -> None:
    assert anna.get("/api/todos").json() == {"todos": []}
    added = anna.post("/api/todos", json={"title": "  milk & <b>bread</b>  "})
    assert added.status_code == 201
    todo = added.json()
    assert (todo["title"], todo["done"]) == ("milk & <b>bread</b>", False)
    assert abs(todo["created"] - time.time()) < 60
    second = anna.post("/api/todos", json={"title": "tea"}).json()
    assert anna.get("/api/todos").json()["todos"] == [todo, second]
    changed = anna.patch(f"/api/todos/{todo['id']}", json={"done": True})
    assert changed.json() == {**todo, "done": True}
    both = anna.patch(f"/api/todos/{todo['id']}", json={"title": "milk", "done": False})
    assert both.json() == {**todo, "title": "milk"}
    removed = anna.delete(f"/api/todos/{second['id']}")
    assert (removed.status_code, removed.content) == (204, b"")
    assert anna.delete(f"/api/todos/{second['id']}").status_code == 404
    assert anna.get("/api/todos").json()["todos"] == [{**todo, "title": "milk"}]


def test_each_user_sees_the_own_todos_only(system: System) -> None:
    mueller, bert = system.client("Anna Müller"), system.client("bert")
    todo = mueller.post("/api/todos", json={"title": "mine"}).json()
    assert bert.get("/api/todos").json() == {"todos": []}
    assert bert.patch(f"/api/todos/{todo['id']}", json={"done": True}).status_code == 404
    assert bert.delete(f"/api/todos/{todo['id']}").status_code == 404
    assert mueller.get("/api/todos").json()["todos"] == [todo]


@pytest.mark.parametrize(
    "forged",
    [
        token(exp=int(time.time()) - 1),
        token(exp=None),
        token(exp=True),
        token(exp="tomorrow"),
        token(key="another-key-of-32-characters-....."),
        token(iss="somebody"),
        token(iss=None),
        token(sub=None),
        token(sub=""),
        token(sub="a\0b"),
        token(header={"alg": "none"}),
        token(header={"alg": "HS512"}),
        token(header={"alg": "HS256", "crit": ["exp"]}),
        token().rsplit(".", 1)[0] + ".",
        token() + "A",
        token() + ".x",
        token(sub="a" * 20000),
        "x",
        "..",
    ],
    ids=range(19),
)
def test_a_token_that_is_not_right_is_refused(system: System, forged: str) -> None:
    answer = system.bearer(forged).get("/api/todos")
    assert answer.status_code == (431 if len(forged) > 16384 else 401)
    assert answer.json()["error"]


def test_every_endpoint_of_todos_wants_a_token(system: System) -> None:
    for method, path in (("GET", ""), ("HEAD", ""), ("POST", ""), ("PATCH", "/1"), ("DELETE", "/1")):
        for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}):
            answer = httpx.request(method, f"{system.url}/api/todos{path}", headers=headers)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), method
            assert method == "HEAD" or "no token" in answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [
        *("", "x", "[]", "null", "{}", '{"title": 1}', '{"title": ""}', '{"title": " "}', '{"title": "a"} x'),
        *('{"title": "a \\ud83d"}', '{"title": "a\\u0000"}', '{"title": "a\\nb"}', b'{"title": "\xff"}'),
        *('{"title": "a", "title": "b"}', '{"title": "' + "x" * 201 + '"}', '{"title": "' + "x" * 40000 + '"}'),
        *('{"title": ' + "[" * 5000, '{"title": ["a"]}'),
    ],
    ids=range(18),
)
def test_what_is_no_todo_is_refused(anna: httpx.Client, body: str | bytes) -> None:
    todo = anna.post("/api/todos", json={"title": "😀" * 200}).json()
    for answer in (anna.post("/api/todos", content=body), anna.patch(f"/api/todos/{todo['id']}", content=body)):
        assert answer.status_code == 400
        assert len(answer.json()["error"]) < 200
    assert anna.get("/api/todos").json()["todos"] == [todo]


def test_a_change_says_what(anna: httpx.Client) -> None:
    todo = anna.post("/api/todos", json={"title": "milk"}).json()
    assert "send title or done" in anna.patch(f"/api/todos/{todo['id']}", json={}).json()["error"]
    assert "true or false" in anna.patch(f"/api/todos/{todo['id']}", json={"done": "yes"}).json()["error"]
    for missing in ("nothing", "a%20b", "x" * 65, "1/2"):
        assert anna.patch(f"/api/todos/{missing}", json={"done": True}).status_code == 404


def test_a_long_list_is_whole(anna: httpx.Client) -> None:
    titles = [f"{number} {'x' * 180}" for number in range(300)]
    for title in titles:
        assert anna.post("/api/todos", json={"title": title}).status_code == 201
    assert [todo["title"] for todo in anna.get("/api/todos").json()["todos"]] == titles


def test_a_wrong_name_is_told_in_the_words_of_auth(system: System) -> None:
    for user in ("", 7, None):
        answer = httpx.post(f"{system.url}/api/signin", json={"user": user})
        assert (answer.status_code, answer.json()) == (400, {"error": "auth: no name"})


def test_the_page_has_what_it_refers_to(system: System) -> None:
    page = httpx.get(system.url)
    assert page.status_code == 200
    assert "<title>Todo</title>" in page.text
    assert "default-src 'self'" in page.headers["content-security-policy"]
    named = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    kinds = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    assert {name.rpartition(".")[2] for name in named} == set(kinds)
    for name in named:
        part = httpx.get(f"{system.url}/{name}")
        assert (part.status_code, part.headers["content-type"].split(";")[0]) == (
            200,
            kinds[name.rpartition(".")[2]],
        )
        # Files of an archive have no time of their own that could tell a browser of a change.
        assert part.headers["cache-control"] == "no-store"
    # It asks for nothing that the server does not have.
    script = httpx.get(f"{system.url}/todo.js").text
    for path in set(re.findall(r'"(api/[a-z]+)', script)):
        assert httpx.request("OPTIONS", f"{system.url}/{path}").status_code == 405, path


HOST = b"Host: x\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (b"GET /healthz HTTP/1.0\r\n\r\n", b"200"),
        (b"GET http://x/healthz HTTP/1.1\r\n%bConnection: close\r\n\r\n" % HOST, b"200"),
        (b"HEAD /healthz HTTP/1.1\r\n%bConnection: close\r\n\r\n" % HOST, b"200"),
        (b"GET /healthz HTTP/1.1\r\n\r\n", b"400"),
        (b"\x16\x03\x01\r\n\r\n", b"400"),
        (b"GET /%2e%2e/etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", b"400"),
        (b"POST /api/todos HTTP/1.1\r\n%bContent-Length: -1\r\n\r\n" % HOST, b"400"),
        (b"POST /api/todos HTTP/1.1\r\n%bContent-Length: 1\r\nContent-Length: 2\r\n\r\nab" % HOST, b"400"),
        (
            b"POST /api/todos HTTP/1.1\r\n%bContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % HOST,
            b"400",
        ),
        (b"POST /api/todos HTTP/1.1\r\n%bContent-Length: 70000\r\n\r\n" % HOST, b"413"),
        (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", b"414"),
        (b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 20000 + b"\r\n\r\n", b"431"),
        (b"PUT /api/todos HTTP/1.1\r\n%bConnection: close\r\n\r\n" % HOST, b"405"),
        (b"POST /api/todos HTTP/1.1\r\n%bContent-Length: 9\r\n\r\nslow" % HOST, b"408"),
    ],
    ids=range(14),
)
def test_framing_and_limits_have_a_clear_status(system: System, request_bytes: bytes, expected: bytes) -> None:
    head, _, body = exchange(system.port, request_bytes).partition(b"\r\n\r\n")
    assert head.split()[1] == expected
    if expected >= b"400":
        assert b'{"error":' in body
    assert request_bytes.startswith(b"HEAD") == (not body)
    assert b"Jetty" not in head


def test_a_body_in_chunks_is_a_body(system: System) -> None:
    head = f"POST /api/todos HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token(sub='chunks')}\r\n"
    chunks = 'Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"tit\r\n8;x=y\r\nle":"a"}\r\n0\r\n\r\n'
    assert exchange(system.port, (head + chunks).encode()).startswith(b"HTTP/1.1 201")
    (todo,) = system.bearer(token(sub="chunks")).get("/api/todos").json()["todos"]
    assert todo["title"] == "a"


def test_todos_survive_the_database_and_the_server_goes_on_without_it(system: System) -> None:
    client = system.client("survivor")
    todo = client.post("/api/todos", json={"title": "kept"}).json()
    system.stop("h2-server", signal.SIGKILL)
    for answer in (client.get("/api/todos"), client.post("/api/todos", json={"title": "lost"})):
        assert answer.status_code == 503
        assert "does not answer" in answer.json()["error"]
    assert client.get("/healthz").status_code == 200
    system.begin_database()
    assert client.get("/api/todos").json()["todos"] == [todo]
    system.stop("h2-server")
    system.begin_database()
    assert client.patch(f"/api/todos/{todo['id']}", json={"done": True}).status_code == 200
    assert "\tat " not in system.output("web-server")


def test_a_database_that_hangs_is_not_waited_for(system: System) -> None:
    client = system.client("patient")
    assert client.get("/api/todos").status_code == 200
    system.signal("h2-server", signal.SIGSTOP)
    try:
        assert client.get("/api/todos").status_code == 503
        assert client.get("/healthz").status_code == 200
    finally:
        system.signal("h2-server", signal.SIGCONT)
    assert client.get("/api/todos").status_code == 200


def test_a_new_password_is_that_of_the_next_start(system: System) -> None:
    client = system.client("rotation")
    todo = client.post("/api/todos", json={"title": "kept"}).json()
    system.stop("h2-server")
    system.begin_database("another")
    assert client.get("/api/todos").status_code == 503
    system.stop("web-server")
    system.begin_web(JDBC_PASSWORD="another")  # noqa: S106 - of a server on loopback
    assert client.get("/api/todos").json()["todos"] == [todo]


def test_without_auth_nobody_signs_in_but_tokens_stay_good(system: System) -> None:
    client = system.client()
    system.auth.close()
    answer = httpx.post(f"{system.url}/api/signin", json={"user": "bert"}, timeout=20)
    assert answer.status_code == 503
    assert "auth" in answer.json()["error"]
    assert client.get("/api/todos").status_code == 200
    assert KEY not in system.output("web-server")


def test_wrong_settings_end_the_start(system: System) -> None:
    system.stop("web-server")
    with pytest.raises(AssertionError, match="JDBC_URL is neither"):
        system.begin_web(JDBC_URL="jdbc:mysql://h/d")
