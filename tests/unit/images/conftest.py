"""What the tests of images share: nothing here leaves loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.images import engine, registry
from tests.support.web import serving
from tests.unit.images.doubles import LoopbackRegistry, Public, RecordingEngine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.progress import Progress
    from tests.support.web import Request


@pytest.fixture
def mirror() -> Iterator[LoopbackRegistry]:
    holder: list[LoopbackRegistry] = []

    def answer(request: Request) -> tuple[int, bytes]:
        body = holder[0].answer(request.path)
        return (404, b"") if body is None else (200, body)

    with serving(answer) as port:
        holder.append(LoopbackRegistry(f"127.0.0.1:{port}"))
        yield holder[0]


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
