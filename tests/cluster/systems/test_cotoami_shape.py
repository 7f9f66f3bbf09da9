"""Cotoami's shape changed under requests, both ways: none is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import live as stacks
from tests.support.load import Load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.live import LiveStack

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


@pytest.fixture
def shaped(machine: None, tmp_path: Path) -> Iterator[LiveStack]:
    """A stack of Cotoami alone."""
    assert machine is None
    stack = stacks.make(tmp_path, "shaped", "shaped", 30680)
    stack.settings({"slipway:apps": {"cotoami": {"cluster": "local", "nodePort": 30682}}})
    stack.run("up")
    yield stack
    stack.run("down")


def test_no_request_is_lost_when_the_shape_changes(shaped: LiveStack) -> None:
    with Load(str(shaped.apps()["cotoami"]["url"]), text="Cotoami") as load:
        for shape in ("production", "all-in-one"):
            shaped.settings(cotoami={"shape": shape})
            shaped.run("up")
    assert load.requests > 200
    assert load.failures == []
