"""Fixtures of the tests on the embedded cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import live

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.live import LiveStack


@pytest.fixture(scope="session")
def dev(machine: None) -> LiveStack:
    """The project's own dev stack, up; it is left running."""
    assert machine is None
    stack = live.LiveStack("dev", live.PROJECT)
    # On a new machine this builds every image first.
    stack.run("up", timeout=3600)
    return stack


@pytest.fixture(scope="module")
def own_stack(machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """A stack that tests may change, break and remove.

    Gone at the end of each module: dev and two more ask for more processor than a node of two cores has.
    """
    assert machine is None
    stack = live.make(tmp_path_factory.mktemp("own"), "own", "own", 30480)
    with live.alone("own"):
        # What a run of the tests that was killed left: its state is gone.
        stack.run("down", "--by-label")
        yield stack
        stack.run("down")


@pytest.fixture
def own(own_stack: LiveStack) -> LiveStack:
    """The tests' own stack, up and as its first settings say."""
    own_stack.settings(live.settings("own", 30480))
    own_stack.run("up")
    return own_stack
