"""Fixtures of the tests with Pulumi's own engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ops.engines.choice import find_cli
from tests.support import live

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.live import LiveStack


@pytest.fixture(scope="session")
def cli() -> str:
    """Pulumi's CLI."""
    found = find_cli()
    if found is None:
        pytest.skip("there is no Pulumi CLI (PATH, ~/.pulumi/bin, the cache): its engine cannot be tested")
    return str(found)


@pytest.fixture(scope="session")
def stack(machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """A stack of the tests' own in a state of its own, made by Pulumi; gone at the end."""
    assert machine is None
    found = live.make_with("pulumi", tmp_path_factory.mktemp("engine"), "eng", "eng", 30580)
    with live.alone("eng"):
        yield found
        found.run("down")


@pytest.fixture
def up(stack: LiveStack) -> LiveStack:
    """The stack, up and as its first settings say."""
    stack.settings(live.settings("eng", 30580))
    stack.run("up")
    return stack
