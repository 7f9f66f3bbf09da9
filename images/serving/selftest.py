"""HTTP as clients may use it, against a server of its own: run when python-base is built, and by the unit tests.

The image has Debian's Flask and gunicorn, the unit tests have the newest ones.
"""

# ruff: noqa: PT009 - the image has unittest, and no pytest

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path
from typing import ClassVar

from flask import Flask, Response, abort, jsonify, request

from images.serving import web, wsgi

EFFECTS: list[str] = []


def application() -> Flask:
    """Routes that a test needs."""
    app = web.application(Path(__file__).parent)

    @app.route("/echo", methods=["GET", "POST"])
    def echo() -> Response:  # pyright: ignore[reportUnusedFunction] - Flask calls it
        EFFECTS.append(request.method)
        return jsonify(body=request.get_data().decode(), scheme=request.scheme, host=request.host, effects=EFFECTS)

    @app.post("/text")
    def text() -> Response:  # pyright: ignore[reportUnusedFunction]
        return jsonify(text=web.storable("text", web.json_body().get("text"), 20))

    @app.get("/slow")
    def slow() -> Response:  # pyright: ignore[reportUnusedFunction]
        time.sleep(3)
        return jsonify("done")

    @app.get("/fail")
    def fail() -> Response:  # pyright: ignore[reportUnusedFunction]
        raise RuntimeError("secret detail")

    @app.get("/refuse")
    def refuse() -> Response:  # pyright: ignore[reportUnusedFunction]
        abort(418, "a <teapot>")

    return app


class Serving(unittest.TestCase):
    """One server for all tests but those that stop one."""

    process: ClassVar[subprocess.Popen[bytes]]
    port: ClassVar[int]

    @classmethod
    def setUpClass(cls) -> None:
        """Start it."""
        cls.process, cls.port = start()

    @classmethod
    def tearDownClass(cls) -> None:
        """Stop it."""
        cls.process.kill()
        cls.process.wait()

    def send(self, head: str, body: bytes = b"") -> tuple[int, str]:
        """Send bytes as they are; status and body of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n" + body)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return answer.status, answer.read().decode()

    def test_a_body_has_any_legal_framing(self) -> None:
        """A length, or chunks of any size with a trailer."""
        head = "POST /echo HTTP/1.1\nHost: a\n"
        self.assertEqual(json.loads(self.send(head + "Content-Length: 4\n", b"body")[1])["body"], "body")
        chunks = b"1;extension=x\r\nb\r\n3\r\nody\r\n0\r\nX-Sum: 1\r\n\r\n"
        status, body = self.send(head + "Transfer-Encoding: chunked\n", chunks)
        self.assertEqual((status, json.loads(body)["body"]), (200, "body"))
        self.assertEqual(self.send(head + "Transfer-Encoding: chunked\n", b"zz\r\n")[0], 400)

    def test_limits_have_a_clear_status(self) -> None:
        """Too long a body with and without a length, too long a header, too long a path."""
        head = "POST /echo HTTP/1.1\nHost: a\n"
        long = web.MAX_BODY + 1
        self.assertEqual(self.send(head + f"Content-Length: {long}\n", b"a" * long)[0], 413)
        chunked = f"{long:x}\r\n".encode() + b"a" * long + b"\r\n0\r\n\r\n"
        self.assertEqual(self.send(head + "Transfer-Encoding: chunked\n", chunked)[0], 413)
        self.assertEqual(self.send(f"GET / HTTP/1.1\nHost: a\nX: {'a' * 9000}\n")[0], 431)
        self.assertEqual(self.send(f"GET /{'a' * 9000} HTTP/1.1\nHost: a\n")[0], 414)
        self.assertEqual(self.send("GET / HTTP/1.1\nHost: a\nBad Header: x\n")[0], 400)

    def test_a_connection_serves_several_requests_and_head_has_no_body(self) -> None:
        """Kept, also after an error."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("HEAD", "/echo")
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.read()), (200, b""))
        kept = connection.sock
        for method, path, status in (("DELETE", "/echo", 405), ("GET", "/no", 404), ("GET", "/echo", 200)):
            connection.request(method, path)
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, status)
            self.assertIs(connection.sock, kept)
            if status == 405:
                self.assertIn("GET", str(answer.getheader("Allow")))
        connection.close()

    def test_errors_are_json_for_programs_and_a_page_for_browsers(self) -> None:
        """Neither shows what failed inside."""
        status, body = self.send("GET /refuse HTTP/1.1\nHost: a\n")
        self.assertEqual((status, json.loads(body)), (418, {"error": "a <teapot>"}))
        page = self.send("GET /refuse HTTP/1.1\nHost: a\nAccept: text/html,*/*;q=0.8\n")[1]
        self.assertIn("a &lt;teapot&gt;", page)
        status, body = self.send("GET /fail HTTP/1.1\nHost: a\n")
        self.assertEqual(status, 500)
        self.assertNotIn("secret", body)

    def test_text_that_cannot_be_stored_is_refused(self) -> None:
        """U+0000, half of a surrogate pair, nothing, too much, what is no text."""
        for text, status in (
            ('" Anna M\\u00fcller\\ud83d\\ude00 "', 200), ('"a\\u0000"', 400), ('"a \\ud83d"', 400), ('" "', 400),
            (f'"{"a" * 21}"', 400), ("7", 400), ("null", 400), ("nonsense", 400), ('"a"}, 5', 400), ("[" * 100000, 400),
        ):  # fmt: skip
            body = f'{{"text": {text}}}'.encode()
            answer = self.send(f"POST /text HTTP/1.1\nHost: a\nContent-Length: {len(body)}\n", body)
            self.assertEqual(answer[0], status, text[:40])

    def test_the_proxy_says_what_the_client_asked_for(self) -> None:
        """As the ingress controller tells it, last hop first."""
        told = "X-Forwarded-Proto: https\nX-Forwarded-Host: c.example.com:8443\n"
        body = json.loads(self.send(f"GET /echo HTTP/1.1\nHost: a\n{told}")[1])
        self.assertEqual((body["scheme"], body["host"]), ("https", "c.example.com:8443"))

    def test_connections_that_send_nothing_hold_nobody_up(self) -> None:
        """More of them than there are threads."""
        idle = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(wsgi.THREADS + 8)]
        self.assertEqual(self.send("GET /echo HTTP/1.1\nHost: a\n")[0], 200)
        for connection in idle:
            connection.close()


class Stopping(unittest.TestCase):
    """SIGTERM, as a pod gets it."""

    def test_what_is_under_way_ends_and_kept_connections_are_told(self) -> None:
        """A slow answer comes; a kept connection gets one more answer, with `Connection: close`."""
        process, port = start()
        slow = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        kept = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        kept.request("GET", "/echo")
        self.assertNotEqual(kept.getresponse().read(), b"")
        slow.request("GET", "/slow")
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        told = None
        while told != "close":
            kept.request("GET", "/echo")
            answer = kept.getresponse()
            answer.read()
            self.assertEqual(answer.status, 200)
            told = answer.getheader("Connection")
            time.sleep(0.1)
        self.assertEqual(json.loads(slow.getresponse().read()), "done")
        self.assertEqual(process.wait(10), 0)


def start() -> tuple[subprocess.Popen[bytes], int]:
    """A server in a process of its own, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen([sys.executable, "-m", "images.serving.selftest", str(port)])
    end = time.monotonic() + 20
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/echo")
            connection.getresponse().read()
        except ConnectionRefusedError:
            threading.Event().wait(0.05)
        else:
            return process, port
        finally:
            connection.close()
    process.kill()
    raise AssertionError("the server does not listen")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        wsgi.serve(application(), int(sys.argv[1]))
    unittest.main()
