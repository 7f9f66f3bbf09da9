"""What the tests of images share: nothing here leaves loopback."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from local.images import engine, registry
from tests.unit.images.doubles import LoopbackRegistry, Public, RecordingEngine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.progress import Progress


@pytest.fixture
def mirror() -> Iterator[LoopbackRegistry]:
    holder: list[LoopbackRegistry] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = holder[0].answer(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    holder.append(LoopbackRegistry(f"127.0.0.1:{server.server_address[1]}"))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield holder[0]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> Public:
    probes = Public()
    monkeypatch.setattr(registry, "PublicProbes", lambda: probes)
    return probes


@pytest.fixture
def builds(
    mirror: LoopbackRegistry, public: Public, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> RecordingEngine:
    """The engine that the workshop finds; its cache is empty and Debian's base can be pulled."""
    recording = RecordingEngine(mirror)
    public.found.add("docker.io/library/debian:bookworm-slim")
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))

    def find(progress: Progress) -> RecordingEngine:
        progress.note("recording")
        return recording

    monkeypatch.setattr(engine, "find", find)
    return recording
