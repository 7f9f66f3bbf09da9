"""Fixtures of the tests of what Pulumi does with a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.progress import SilentProgress
from ops.pulumi.cli import find
from tests.support import footprint, live

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.pulumi.cli import Cli
    from tests.support.live import LiveStack


@pytest.fixture(scope="session")
def cli() -> Cli:
    """Pulumi's CLI, as every command finds it."""
    return find(SilentProgress())


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """A stack of the tests' own in a state of its own; gone at the end."""
    with footprint.own(tmp_path_factory.mktemp("engine"), "eng", 30580) as found:
        yield found


@pytest.fixture
def up(stack: LiveStack) -> LiveStack:
    """The stack, up and as its first settings say."""
    stack.settings(live.settings("eng", 30580))
    stack.run("up")
    return stack
