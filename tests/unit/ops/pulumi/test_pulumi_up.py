"""`up` of a stack that is as it should be: asked with few calls, and nothing changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.helm_cluster import Cluster, lease

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    from tests.support.programs import FakeProgram


@pytest.fixture
def cluster(
    project: Path, fake_kubectl: FakeProgram, fake_helm: FakeProgram, monkeypatch: pytest.MonkeyPatch
) -> Cluster:
    """The stack `dev`, all of it ready; helm answers nothing."""
    assert project.is_dir()
    assert fake_helm.path.is_file()
    # Nothing answers at the app's address here.
    monkeypatch.setattr("ops.answer._PATIENCE_S", 0.0)
    found = Cluster(fake_kubectl)
    found.all_ready()
    return found


def test_five_questions_are_enough(cluster: Cluster, fake_helm: FakeProgram, slipway: Callable[..., Result]) -> None:
    cluster.ready()
    done = slipway("up", "--engine", "helm")
    assert done.exit_code == 0, done.output
    assert "stack dev is up, no changes (engine: Helm)" in done.stdout
    assert "2/2" in done.stdout
    asked = sorted(call.arguments[1] for call in cluster.kubectl.calls)
    assert asked == ["api-resources", "apply", "get", "get", "get"]
    assert cluster.changing_calls == fake_helm.calls == []


def test_the_lock_of_a_run_killed_before_its_first_change_is_given_back(
    cluster: Cluster, slipway: Callable[..., Result]
) -> None:
    cluster.leases = [lease("elsewhere", "2026-01-01T00:00:00.000000Z")]
    cluster.ready()
    done = slipway("up", "--engine", "helm")
    assert done.exit_code == 0, done.output
    assert [line for line in cluster.changing_calls if "lease" in line and "delete" in line], cluster.changing_calls
    assert len(cluster.changing_calls) == 1


def test_a_stack_that_another_machine_works_on_is_refused_without_changes_too(
    cluster: Cluster, slipway: Callable[..., Result]
) -> None:
    cluster.leases = [lease("elsewhere", "2999-01-01T00:00:00.000000Z", "ada@elsewhere, slipway down")]
    cluster.ready()
    done = slipway("up", "--engine", "helm")
    assert done.exit_code != 0
    assert "is being worked on by ada@elsewhere, slipway down" in done.stderr
    assert cluster.changing_calls == []


def test_what_is_there_and_not_recorded_is_recorded(
    cluster: Cluster, fake_helm: FakeProgram, slipway: Callable[..., Result]
) -> None:
    """A killed run may have got the change onto the cluster, but not into the release."""
    cluster.applied = cluster.applied[:-1]
    cluster.ready()
    cluster.kubectl.on("apply (?!.*dry-run)|create|patch|get namespaces slipway", [])
    done = slipway("up", "--engine", "helm")
    assert any(call.line.startswith("upgrade --install") for call in fake_helm.calls), done.output


def test_pods_that_are_missing_are_waited_for(cluster: Cluster, slipway: Callable[..., Result]) -> None:
    for item in cluster.live:
        item.pop("status", None)
    cluster.ready()
    cluster.kubectl.on("get (pods|events)", [])
    done = slipway("up", "--engine", "helm", "--timeout", "1")
    assert done.exit_code == 1
    assert "not all is ready" in done.stderr
