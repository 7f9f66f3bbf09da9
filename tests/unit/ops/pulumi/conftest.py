"""Fixtures: the stack `dev`, up and ready on a cluster in memory, and Pulumi's state of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from local.progress import SilentProgress
from ops.load import load
from ops.render import program
from tests.support.fake_pulumi import made
from tests.support.memory import MemoryCluster, deployed

if TYPE_CHECKING:
    from pathlib import Path

    from ops.render.result import Rendered
    from ops.stack import Stack
    from tests.support.fake_pulumi import FakePulumi


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> MemoryCluster:
    """The cluster `local`, empty; every command reaches it."""
    found = MemoryCluster()

    def reach(*_: object) -> MemoryCluster:
        return found

    def silence(*_: object) -> None:
        """Nothing answers at an app's address here."""

    monkeypatch.setattr("ops.access.kubectl", reach)
    monkeypatch.setattr("ops.answer.wait_for_answers", silence)
    return found


@pytest.fixture
def dev(project: Path) -> Stack:
    """The stack, rendered."""
    assert project.is_dir()
    return load("dev", SilentProgress())


@pytest.fixture
def clouded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clusters of every stack are made by a cloud."""
    real = program.render

    def render(stack: str, directory: Path) -> Rendered:
        made = real(stack, directory)
        return replace(made, clusters={name: replace(c, kind="gke") for name, c in made.clusters.items()})

    monkeypatch.setattr(program, "render", render)


@pytest.fixture
def provider(dev: Stack) -> str:
    """URN of the cluster's provider."""
    return dev.cluster("local").provider


@pytest.fixture
def there(dev: Stack, provider: str, cluster: MemoryCluster, pulumi: FakePulumi) -> FakePulumi:
    """All is as the program says, on the cluster and in the state; no run finds anything to do."""
    for manifest in dev.manifests("local"):
        cluster.put(deployed(manifest))
    pulumi.state = made(dev.manifests("local"), provider)
    pulumi.on("^(up|preview|refresh|destroy)")
    return pulumi
