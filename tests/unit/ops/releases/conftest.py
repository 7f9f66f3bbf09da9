"""Fixtures of the releases' tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ops.pulumi import lock
from ops.pulumi.cli import Cli
from ops.releases import rollout, smoke
from tests.support.programs import FakeProgram
from tests.support.release_world import Web, World
from tests.support.web import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typer.testing import Result


@pytest.fixture
def web() -> Iterator[Web]:
    found = Web()
    with serving(found.answer, found.port):
        yield found


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke, "_PAUSE_S", 0.01)
    monkeypatch.setattr(rollout, "PATIENCE_S", 0.3)
    monkeypatch.setattr(lock, "_PATIENCE_S", 0.3)


def _always(answer: object) -> Callable[..., object]:
    return lambda *_: answer


@pytest.fixture
def world(project: Path, web: Web, fake_kubectl: FakeProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    crane = FakeProgram(tmp_path, "crane")
    monkeypatch.setattr("local.toolchain.tool", _always(crane.path))
    found = World(project, web, fake_kubectl, crane)
    monkeypatch.setattr("ops.pulumi.cli.find", _always(Cli(Path("/pulumi"), "v3.229.0", "a stand-in", {})))
    for place in ("ops.releases.flow.open_stack", "ops.pulumi.session.open_stack"):
        monkeypatch.setattr(place, found.pulumi.opened)
    return found


@pytest.fixture
def release(slipway: Callable[..., Result]) -> Callable[..., Result]:
    """Releases h2o-example by a tag, and wants an exit code."""

    def run(tag: str, *options: str, code: int = 0) -> Result:
        done = slipway("release", "h2o-example", "--image-tag", tag, *options)
        assert done.exit_code == code, done.output
        return done

    return run
