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
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx

from tests.support.web import free_port, serving

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.web import Request

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


def _sign_in(request: Request) -> tuple[int, bytes]:
    """Answers as auth does."""
    user = json.loads(request.body)["user"]
    if isinstance(user, str) and user:
        return 200, json.dumps({"token": token(sub=user), "token_type": "Bearer"}).encode()
    return 400, b'{"error": "auth: no name"}'


class System:
    """auth (a double), H2's server as its image starts it, and web-server."""

    def __init__(self, web: Path, h2: Path, directory: Path) -> None:
        self._targets = {"web-server": web, "h2-server": h2}
        self._directory = directory
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.auth = ExitStack()
        self._auth_port = self.auth.enter_context(serving(_sign_in))
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
            "AUTH_URL": f"http://127.0.0.1:{self._auth_port}",
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
        self.auth.close()
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
