"""Fixtures of the tests with Pulumi's own engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import live

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.live import LiveStack


@pytest.fixture(scope="session")
def stack(machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """A stack of the tests' own in a state of its own, made by Pulumi; gone at the end."""
    assert machine is None
    found = live.make_private(tmp_path_factory.mktemp("engine"), "eng", "eng", 30580)
    with live.alone("eng"):
        yield found
        found.run("down")


@pytest.fixture
def up(stack: LiveStack) -> LiveStack:
    """The stack, up and as its first settings say."""
    stack.settings(live.settings("eng", 30580))
    stack.run("up")
    return stack
