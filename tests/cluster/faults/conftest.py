"""Fixtures of the tests that break things on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.live import LiveStack


@pytest.fixture(scope="session")
def places(dev: LiveStack) -> list[str]:
    """The dev stack's namespaces, and the cluster's own."""
    return [*faults.namespaces_of(dev), "kube-system"]


@pytest.fixture(autouse=True)
def well(places: list[str]) -> Iterator[None]:
    """All is well before each test, and after it: what a test breaks has recovered when it ends."""
    faults.wait_well(places)
    yield
    faults.wait_well(places)
