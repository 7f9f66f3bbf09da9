"""Fixtures of the tests on the embedded cluster."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from local.cluster import EmbeddedCluster
from stacks.environment import EMBEDDED_CONTEXT
from tests.support import live as stacks
from tests.support.running import RunningStack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.live import LiveStack


@pytest.fixture(scope="session")
def dev(machine: None) -> LiveStack:
    """The project's own dev stack, up; it is left running."""
    assert machine is None
    stack = stacks.LiveStack("dev", stacks.PROJECT)
    # On a new machine this builds every image first.
    stack.run("up", timeout=3600)
    return stack


@pytest.fixture(scope="session")
def live(dev: LiveStack) -> RunningStack:
    """The dev stack, up, on the embedded cluster or on KUBE_CONTEXT; it stays, as a person's own would."""
    context = os.environ.get("KUBE_CONTEXT")
    return RunningStack(dev.name, context or EMBEDDED_CONTEXT, None if context else EmbeddedCluster().kubeconfig)


@pytest.fixture(scope="module")
def own_stack(machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """A stack that tests may change, break and remove. Gone at the end of each module: dev and two more ask for more
    processor than a node of two cores has."""
    assert machine is None
    stack = stacks.make(tmp_path_factory.mktemp("own"), "own", "own", 30480)
    with stacks.alone("own"):
        # What a run of the tests that was killed left: its state is gone.
        stack.run("down", "--by-label")
        yield stack
        stack.run("down")


@pytest.fixture
def own(own_stack: LiveStack) -> LiveStack:
    """The tests' own stack, up and as its first settings say."""
    own_stack.settings(stacks.settings("own", 30480))
    own_stack.run("up")
    return own_stack
