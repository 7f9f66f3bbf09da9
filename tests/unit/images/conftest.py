"""A registry on loopback and an engine that pushes to it, for tests of what is built and pushed when."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from local.images import engine, registry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from local.images.reference import Reference
    from local.progress import Progress


@dataclass
class LoopbackRegistry:
    """What a registry holds: labels by `repository:tag`."""

    host: str
    images: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def config(self, name: str) -> bytes:
        return json.dumps({"config": {"Labels": self.images[name]}}).encode()

    def answer(self, path: str) -> bytes | None:
        """The manifest or the blob at a path of the distribution API."""
        repository, _, rest = path.removeprefix("/v2/").partition("/manifests/")
        if rest:
            name = f"{repository}:{rest}"
            if name not in self.images:
                return None
            digest = hashlib.sha256(self.config(name)).hexdigest()
            return json.dumps({"schemaVersion": 2, "config": {"digest": f"sha256:{digest}"}}).encode()
        wanted = path.rpartition("sha256:")[2]
        return next((self.config(n) for n in self.images if hashlib.sha256(self.config(n)).hexdigest() == wanted), None)


@dataclass
class RecordingEngine:
    """An engine whose store is a dictionary: reference → labels."""

    registry: LoopbackRegistry
    name: str = "recording"
    store: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    contexts: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    arguments: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    pulled: list[str] = field(default_factory=list[str])

    def has(self, reference: str) -> bool:
        return reference in self.store

    def pull(self, reference: str) -> None:
        self.pulled.append(reference)
        self.store[reference] = {}

    def import_root(self, archive: Path, reference: str) -> None:
        assert archive.is_file()
        self.store[reference] = {}

    def build(
        self, context: Path, tags: Sequence[str], arguments: Mapping[str, str], labels: Mapping[str, str], platform: str
    ) -> None:
        assert platform == "linux/amd64"
        if "BASE" in arguments:
            assert arguments["BASE"] in self.store
        files = {p.relative_to(context).as_posix(): p for p in context.rglob("*") if p.is_file()}
        for tag in tags:
            self.store[tag] = dict(labels)
            self.contexts[tag] = {name: oct(path.stat().st_mode & 0o777) for name, path in files.items()}
            self.arguments[tag] = dict(arguments)

    def tag(self, source: str, target: str) -> None:
        self.store[target] = self.store[source]

    def push(self, source: str, destination: Reference) -> None:
        assert destination.host == self.registry.host
        self.registry.images[f"{destination.repository}:{destination.tag}"] = self.store[source]


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


class Public:
    """Public registries as a test wants them: `found` references can be pulled, the others' hosts are silent."""

    found: set[str]
    asked: list[str]

    def __init__(self) -> None:
        self.found = set()
        self.asked = []

    def look(self, reference: Reference) -> registry.Probe:
        self.asked.append(str(reference))
        if str(reference) in self.found:
            return registry.Probe(found=True)
        return registry.Probe(found=False, reason=f"{reference.host} cannot be reached")

    def close(self) -> None:
        pass


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
