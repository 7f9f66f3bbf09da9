"""Running an image's program as the container does, on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

ROOT = Path(__file__).parents[3]


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def start(program: str, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start `images/<program>` with this environment and nothing else of ours."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "images" / program)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def program(name: str, environment: Mapping[str, str] | None = None) -> Generator[httpx.Client]:
    """A client of the running program."""
    port = free_port()
    process = start(name, {"PORT": str(port), **(environment or {})})
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False) as client:
            _wait(client, process)
            yield client
    finally:
        process.kill()
        output = process.communicate()[0]
        print(output)  # pytest shows it when the test fails


def _wait(client: httpx.Client, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            client.get("/healthz")
        except httpx.TransportError:
            assert process.poll() is None, "the program ended"
            assert time.monotonic() < deadline, "the program does not answer"
            time.sleep(0.05)
        else:
            return


def refusal(name: str, environment: Mapping[str, str]) -> str:
    """What a program says that must not start."""
    process = start(name, environment)
    output = process.communicate(timeout=20)[0]
    assert process.returncode == 1
    assert "Traceback" not in output
    return output
