"""The todo app's server and its database, each a process of its own, with something that answers like auth."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEY = "shared-key-of-32-characters-here"
PASSWORD = "a / ' $ password"  # noqa: S105 - of a server on loopback
_START_SECONDS = 60
_FLAGS = ("-Xmx48m", "-Xss256k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")


def token(key: str = KEY, header: dict[str, Any] | None = None, **claims: object) -> str:
    """A token as auth makes it, with everything right unless told otherwise; a claim that is None is left out."""

    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    content: dict[str, object] = {"iss": "auth", "sub": "anna", "exp": int(time.time()) + 86400, **claims}
    parts = [header or {"alg": "HS256", "typ": "JWT"}, {k: v for k, v in content.items() if v is not None}]
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{encoded(hmac.digest(key.encode(), signed.encode(), hashlib.sha256))}"


class _Auth(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        user = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["user"]
        good = isinstance(user, str) and user
        answer = {"token": token(sub=user), "token_type": "Bearer"} if good else {"error": "auth: no name"}
        self.send_response(200 if good else 400)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Nothing."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class System:
    """auth (a double), H2's server as its image starts it, and web-server."""

    def __init__(self, web: Path, h2: Path, directory: Path) -> None:
        self._targets = {"web-server": web, "h2-server": h2}
        self._directory = directory
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.auth = ThreadingHTTPServer(("127.0.0.1", 0), _Auth)
        threading.Thread(target=self.auth.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.port, self.database_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.begin_database()
        self.begin_web()

    def begin_database(self, password: str = PASSWORD) -> None:
        """Start the database; it keeps its directory and its port."""
        settings = {
            "H2_HOME": str(self._directory / "h2"),
            "H2_PORT": str(self.database_port),
            "H2_PASSWORD": password,
        }
        self._begin("h2-server", "dev.slipway.h2.Start", settings, self.database_port)

    def begin_web(self, **changed: str) -> None:
        settings = {
            "PORT": str(self.port),
            "AUTH_URL": f"http://127.0.0.1:{self.auth.server_address[1]}",
            "TOKEN_KEY": KEY,
            "JDBC_URL": f"jdbc:h2:tcp://127.0.0.1:{self.database_port}/./todo;NETWORK_TIMEOUT=5000",
            "JDBC_USER": "admin",
            "JDBC_PASSWORD": PASSWORD,
        }
        self._begin("web-server", "dev.slipway.todo.Main", {**settings, **changed}, self.port)

    def stop(self, name: str, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal and wait for the end."""
        process = self._running.pop(name)
        process.send_signal(number)
        process.wait(timeout=_START_SECONDS)

    def signal(self, name: str, number: signal.Signals) -> None:
        self._running[name].send_signal(number)

    def output(self, name: str) -> str:
        """What a process has written so far."""
        return (self._directory / f"{name}.log").read_text(encoding="utf-8")

    def client(self, user: str = "anna") -> httpx.Client:
        """A client of somebody who signed in."""
        answer = httpx.post(f"{self.url}/api/signin", json={"user": user}, timeout=20)
        assert answer.status_code == 200, answer.text
        return self.bearer(answer.json()["token"])

    def bearer(self, text: str) -> httpx.Client:
        """A client with a token."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {text}"}, timeout=20)

    def end(self) -> None:
        self.auth.shutdown()
        self.auth.server_close()
        for name in list(self._running):
            self.stop(name, signal.SIGKILL)

    def _begin(self, name: str, program: str, settings: Mapping[str, str], port: int) -> None:
        target = self._targets[name]
        classes = f"{target / name}.jar:{target / 'lib'}/*"
        with (self._directory / f"{name}.log").open("ab") as output:
            process = subprocess.Popen(
                ["java", *_FLAGS, "-cp", classes, program],
                env={"PATH": os.environ["PATH"], **settings},
                stdout=output,
                stderr=output,
            )
        self._running[name] = process
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"{name} does not listen: {self.output(name)}")


def exchange(port: int, data: bytes, seconds: float = 30) -> bytes:
    """All that a server answers to these bytes until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        connection.sendall(data)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer
