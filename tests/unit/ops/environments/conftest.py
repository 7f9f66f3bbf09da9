"""Fixtures of the environments' tests: clusters and Pulumi's backend in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ops.pulumi import lock
from ops.pulumi.cli import Cli
from ops.pulumi.command import StoppableCommand
from tests.support.environments import MemoryPulumi
from tests.support.memory import MemoryCluster

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    from ops.access import Cluster

    Slipway = Callable[..., Result]


@pytest.fixture
def pulumi(monkeypatch: pytest.MonkeyPatch) -> MemoryPulumi:
    made = MemoryPulumi()

    def run(_: StoppableCommand, args: list[str], *rest: object) -> object:
        return made.run(args, *rest)

    def silence(*things: object) -> None:
        assert things

    monkeypatch.setattr(StoppableCommand, "run", run)

    def find(_: object) -> Cli:
        return Cli(Path("pulumi"), "v3.229.0", "in memory", {})

    monkeypatch.setattr("ops.pulumi.cli.find", find)
    monkeypatch.setattr("ops.environments.create.up", made.up)
    monkeypatch.setattr("ops.pulumi.up.up", made.up)
    monkeypatch.setattr("ops.answer.wait_for_answers", silence)
    # A backend of files has a file for each stack, which is looked for before the CLI is.
    monkeypatch.setenv("PULUMI_BACKEND_URL", "mem://")
    return made


@pytest.fixture
def clusters(monkeypatch: pytest.MonkeyPatch) -> dict[str | None, MemoryCluster]:
    """Context to cluster; every command reaches these."""
    found: dict[str | None, MemoryCluster] = {"test": MemoryCluster("local", "test")}

    def reach(cluster: Cluster, progress: object = None) -> MemoryCluster:
        assert progress is not None
        return found[cluster.context]

    monkeypatch.setattr("ops.access.kubectl", reach)
    monkeypatch.setattr(lock, "_PATIENCE_S", 0.2)
    return found


@pytest.fixture
def cluster(clusters: dict[str | None, MemoryCluster]) -> MemoryCluster:
    return clusters["test"]


@pytest.fixture
def env(project: Path, pulumi: MemoryPulumi, cluster: MemoryCluster, slipway: Slipway) -> Slipway:
    assert project.is_dir()
    assert pulumi.stacks == {}
    assert cluster.objects == {}

    def run(*arguments: str, code: int = 0) -> Result:
        result = slipway("env", *arguments)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    return run
