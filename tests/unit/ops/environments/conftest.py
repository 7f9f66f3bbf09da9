"""Fixtures of the environments' tests: clusters in memory, and an engine that makes objects there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ops.engines import lock
from ops.errors import RefusedError
from tests.support.environments import MemoryEngine
from tests.support.memory import MemoryCluster

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    from ops.access import Cluster

    Slipway = Callable[..., Result]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> MemoryEngine:
    made = MemoryEngine()

    def chosen(option: str | None, progress: object) -> MemoryEngine:
        assert progress is not None
        if option == "pulumi":
            raise RefusedError("there is no Pulumi CLI here")
        return made

    def silence(*things: object) -> None:
        assert things

    monkeypatch.setattr("ops.commands.engine.engine", chosen)
    monkeypatch.setattr("ops.answer.wait_for_answers", silence)
    return made


@pytest.fixture
def clusters(monkeypatch: pytest.MonkeyPatch) -> dict[str | None, MemoryCluster]:
    """Context to cluster; every command reaches these."""
    found: dict[str | None, MemoryCluster] = {"test": MemoryCluster("local", "test")}

    def reach(cluster: Cluster, progress: object = None) -> MemoryCluster:
        assert progress is not None
        return found[cluster.context]

    monkeypatch.setattr("ops.access.kubectl", reach)
    monkeypatch.setattr("ops.stack.kubectl", reach)
    monkeypatch.setattr(lock, "_PATIENCE_S", 0.2)
    return found


@pytest.fixture
def cluster(clusters: dict[str | None, MemoryCluster]) -> MemoryCluster:
    return clusters["test"]


@pytest.fixture
def env(project: Path, engine: MemoryEngine, cluster: MemoryCluster, slipway: Slipway) -> Slipway:
    assert project.is_dir()
    assert engine.ups == []
    assert cluster.objects == {}

    def run(*arguments: str, code: int = 0) -> Result:
        result = slipway("env", *arguments)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    return run
