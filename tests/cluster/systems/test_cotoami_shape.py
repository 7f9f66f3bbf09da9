"""Cotoami's shape changed under requests, both ways: none is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import footprint
from tests.support.load import Load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.live import LiveStack

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


@pytest.fixture
def shaped(tmp_path: Path) -> Iterator[LiveStack]:
    """A stack of Cotoami alone."""
    apps = {"slipway:apps": {"cotoami": {"cluster": "local", "nodePort": 30682}}}
    with footprint.own(tmp_path, "shaped", 30680, apps) as stack:
        stack.run("up")
        yield stack


def test_no_request_is_lost_when_the_shape_changes(shaped: LiveStack) -> None:
    with Load(str(shaped.apps()["cotoami"]["url"]), text="Cotoami") as load:
        for shape in ("production", "all-in-one"):
            shaped.settings(cotoami={"shape": shape})
            shaped.run("up")
    assert load.requests > 200
    assert load.failures == []
