"""Runs the server of an image as its own process on loopback, as its container does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

ROOT = Path(__file__).parents[3]
_START_SECONDS = 20


@dataclass
class Running:
    """A server: its process, its port and the file that its output goes to."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=_START_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _call(image: str, settings: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """How a server is run: with these settings, PATH and nothing else."""
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return [sys.executable, str(ROOT / "images" / image / "server.py")], {**own, **settings}


def _start(image: str, port_variable: str, settings: Mapping[str, str], log: Path) -> Running:
    """Start a server and wait until it listens; `port_variable` tells it the port."""
    chosen = _free_port()
    with log.open("ab") as output:
        command, environment = _call(image, {port_variable: str(chosen), **settings})
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    server = Running(process, chosen, log)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", chosen), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return server
    process.kill()
    process.wait()
    raise AssertionError(f"{image} does not listen: {server.output}")


@contextmanager
def running(image: str, port_variable: str, settings: Mapping[str, str], log: Path) -> Generator[Running]:
    """A server for the length of the block."""
    server = _start(image, port_variable, settings, log)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


@contextmanager
def program(image: str, settings: Mapping[str, str] | None = None) -> Generator[httpx.Client]:
    """A client of a server for the length of the block."""
    with TemporaryDirectory() as directory, running(image, "PORT", settings or {}, Path(directory) / "log") as server:
        with httpx.Client(base_url=server.url, timeout=10, trust_env=False) as client:
            yield client
        print(server.output)  # pytest shows it when the test fails


def refusal(image: str, settings: Mapping[str, str]) -> str:
    """What a server says when it does not start with these settings."""
    command, environment = _call(image, settings)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_START_SECONDS, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr
