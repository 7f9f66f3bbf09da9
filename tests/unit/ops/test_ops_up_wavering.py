"""`up` while something that was ready is not any more for a moment: waited for, and no reason to take all away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.helm_cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    from tests.support.programs import FakeProgram

NOT_READY = "resource Deployment/h2o/h2o-example not ready. status: InProgress, message: Available: 1/2"
WAVERED = f"Error: {NOT_READY}\n"
TIMED_OUT = f"Error: {NOT_READY}\ncontext deadline exceeded\n"


@pytest.fixture
def cluster(project: Path, fake_kubectl: FakeProgram, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The stack `dev`, of which the last object is still to be installed."""
    assert project.is_dir()
    monkeypatch.setattr("ops.answer._PATIENCE_S", 0.0)
    found = Cluster(fake_kubectl)
    found.all_ready()
    found.applied = found.applied[:-1]
    found.ready()
    found.kubectl.on("apply (?!.*dry-run)|create|patch|get namespaces slipway|get (pods|events)", [])
    return found


def upgrades(helm: FakeProgram) -> list[str]:
    return [call.line for call in helm.calls if call.line.startswith("upgrade --install")]


def test_helm_is_asked_again(cluster: Cluster, fake_helm: FakeProgram, slipway: Callable[..., Result]) -> None:
    assert cluster.applied
    fake_helm.on("upgrade")
    fake_helm.on("upgrade", err=WAVERED, code=1, once=True)
    done = slipway("up", "--engine", "helm")
    assert done.exit_code == 0, done.output
    assert len(upgrades(fake_helm)) == 2
    assert "waiting on" in done.stderr
    assert not [call for call in fake_helm.calls if call.line.startswith(("rollback", "uninstall"))]


@pytest.mark.parametrize(("said", "times"), [(WAVERED, 4), (TIMED_OUT, 1), ("Error: no such host\n", 1)])
def test_what_stays_so_or_failed_is_rolled_back(
    cluster: Cluster, fake_helm: FakeProgram, slipway: Callable[..., Result], said: str, times: int
) -> None:
    assert cluster.applied
    fake_helm.on("upgrade", err=said, code=1)
    fake_helm.on("rollback")
    done = slipway("up", "--engine", "helm")
    assert done.exit_code == 1
    assert len(upgrades(fake_helm)) == times
    assert "rolled back to revision 1" in done.stderr
