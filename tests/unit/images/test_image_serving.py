from __future__ import annotations

import http.client
import json
import threading
import time
from typing import TYPE_CHECKING

import pytest

from images.serving import environment
from images.serving.http import MAX_BODY, Application, HttpError, Request, Response, Server, json_response, redirect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def make_application(release: threading.Event, begun: threading.Event | None = None) -> Application:
    app = Application()

    def slow(_: Request) -> Response:
        if begun is not None:
            begun.set()
        release.wait(10)
        return json_response("done")

    def fail(_: Request) -> Response:
        raise RuntimeError("secret detail")

    def refuse(_: Request) -> Response:
        raise HttpError(418, "a teapot")

    app.route("GET", "/items/{id}")(lambda request: json_response(dict(request.parameters)))
    app.route("POST", "/items")(lambda request: json_response(request.json(), 201))
    app.route("POST", "/form")(lambda request: json_response(request.form()))
    app.route("GET", "/files/{path...}")(lambda request: json_response(dict(request.parameters)))
    app.route("GET", "/query")(lambda request: json_response(dict(request.query)))
    app.route("GET", "/cookies")(lambda request: json_response(request.cookies))
    app.route("GET", "/away")(lambda _: redirect("/items/1", (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))))
    app.route("*", "/any")(lambda request: json_response(request.method))
    app.route("GET", "/slow")(slow)
    app.route("GET", "/fail")(fail)
    app.route("GET", "/refuse")(refuse)
    return app


@pytest.fixture
def release() -> threading.Event:
    return threading.Event()


@pytest.fixture
def server(release: threading.Event) -> Iterator[Server]:
    running = Server(make_application(release), 0, "127.0.0.1")
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    yield running
    release.set()
    running.stop()
    thread.join(timeout=10)


def ask(
    server: Server, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
) -> tuple[int, object]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, body.encode() if body else None, headers or {})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None
    finally:
        connection.close()


def listens(server: Server) -> bool:
    try:
        ask(server, "GET", "/items/1")
    except ConnectionError:
        return False
    return True


def test_routes_and_their_parameters(server: Server) -> None:
    assert ask(server, "GET", "/items/a%20b") == (200, {"id": "a b"})
    assert ask(server, "GET", "/files/x/y/z") == (200, {"path": "x/y/z"})
    assert ask(server, "GET", "/query?a=1&b=&a=2") == (200, {"a": "2", "b": ""})
    assert ask(server, "POST", "/items", '{"title": "é"}') == (201, {"title": "é"})
    assert ask(server, "POST", "/form", "a=1+2&b=%26") == (200, {"a": "1 2", "b": "&"})
    assert ask(server, "DELETE", "/any") == (200, "DELETE")
    assert ask(server, "GET", "/cookies", headers={"Cookie": "a=1; b=2"}) == (200, {"a": "1", "b": "2"})


def test_what_is_wrong_with_a_request_is_told(server: Server) -> None:
    assert ask(server, "GET", "/nowhere") == (404, {"error": "there is nothing at /nowhere"})
    assert ask(server, "GET", "/items/1/2") == (404, {"error": "there is nothing at /items/1/2"})
    assert ask(server, "PUT", "/items") == (405, {"error": "/items answers POST only"})
    assert ask(server, "POST", "/items", "nonsense") == (400, {"error": "the body is not JSON"})
    assert ask(server, "POST", "/items", "[]") == (400, {"error": "the body is not a JSON object"})
    assert ask(server, "GET", "/refuse") == (418, {"error": "a teapot"})


def test_a_failure_is_logged_and_not_shown(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    status, body = ask(server, "GET", "/fail")
    assert status == 500
    assert "secret detail" not in json.dumps(body)
    assert "secret detail" in capfd.readouterr().err


def test_a_body_without_end_or_too_long_is_refused(server: Server) -> None:
    assert ask(server, "POST", "/items", headers={"Content-Length": str(MAX_BODY + 1)})[0] == 413
    assert ask(server, "POST", "/items", headers={"Transfer-Encoding": "chunked"})[0] == 413


def test_a_connection_serves_several_requests_and_head_has_no_body(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("HEAD", "/items/1")
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Content-Length"), answer.read()) == (200, "12", b"")
    connection.request("GET", "/away")
    answer = connection.getresponse()
    assert answer.status == 303
    assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    answer.read()
    connection.request("GET", "/items/2")
    assert json.loads(connection.getresponse().read()) == {"id": "2"}
    connection.close()


def test_a_stop_lets_the_request_under_way_end(release: threading.Event) -> None:
    begun = threading.Event()
    server = Server(make_application(release, begun), 0, "127.0.0.1")
    stopped = threading.Thread(target=server.run)
    stopped.start()
    answers: list[tuple[int, object]] = []
    client = threading.Thread(target=lambda: answers.append(ask(server, "GET", "/slow")))
    client.start()
    assert begun.wait(10)
    server.stop()
    end = time.monotonic() + 10
    while listens(server):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert stopped.is_alive()
    with pytest.raises(OSError, match=r"refused|reset"):
        ask(server, "GET", "/items/1")
    release.set()
    client.join(timeout=10)
    stopped.join(timeout=10)
    assert answers == [(200, "done")]
    assert not stopped.is_alive()


def test_settings_come_from_variables_or_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text("from file\n", encoding="utf-8")
    monkeypatch.setenv("A_FILE", str(file))
    assert environment.required("A") == "from file"
    monkeypatch.setenv("A", "from variable")
    with pytest.raises(SystemExit, match="A and A_FILE are both set"):
        environment.required("A")
    monkeypatch.delenv("A_FILE")
    assert environment.required("A") == "from variable"
    with pytest.raises(SystemExit, match="B is not set"):
        environment.required("B")
    monkeypatch.setenv("B_FILE", str(tmp_path / "none"))
    with pytest.raises(SystemExit, match=r"B_FILE=.*none cannot be read"):
        environment.optional("B")


@pytest.mark.parametrize("text", ["0", "65536", "http", "-1", "80.0"])
def test_a_port_is_a_number_in_range(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", text)
    with pytest.raises(SystemExit, match="is not a port"):
        environment.port("PORT", 80)
