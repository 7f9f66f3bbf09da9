"""Fixtures of the tests on the embedded cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.live import PROJECT, LiveStack

if TYPE_CHECKING:
    from local.cluster import EmbeddedCluster


@pytest.fixture(scope="session", autouse=True)
def machine(machine: EmbeddedCluster) -> EmbeddedCluster:
    """Every test here needs it."""
    return machine


@pytest.fixture(scope="session")
def dev() -> LiveStack:
    """The project's own dev stack, up; it is left running."""
    stack = LiveStack("dev", PROJECT)
    # On a new machine this builds every image first.
    stack.run("up", timeout=3600)
    return stack
