"""Markers and order of the whole test suite."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import soak

if TYPE_CHECKING:
    from local.cluster import EmbeddedCluster

PURGE_VARIABLE = "SLIPWAY_TEST_PURGE"
# What needs no cluster comes first, and of that the longest: one worker would be at it after the others have ended.
# What goes on until the soak ends, or takes the cluster away, comes last.
_ORDER = (
    "tests/workflows/",
    "tests/manifests/",
    "tests/unit/program/",
    "tests/unit/",
    "tests/builds/",
    "tests/cluster/",
    "tests/engine/",
    "tests/engine/test_kills.py",
    "tests/cluster/local/",
)
_CLUSTER_TIMEOUT_S = 5000
# What checks manifests and workflows are Go programs, built by the first test that needs one.
_BUILDS = ("tests/manifests/", "tests/workflows/")
_BUILDS_TIMEOUT_S = 1800
_STATE = Path("/var/lib/slipway")


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "cluster: needs the embedded cluster to be up",
        "purge: removes the embedded cluster from the machine and looks for traces",
        "engine: runs Pulumi for real",
        "soak: minutes, or restarts what others need; `make soak` runs it",
        "repeated: a few times in `make test`, more often in `make soak`",
        "slow: half a minute or more, beside a quicker test of the like; `make test-all` runs it, `make test` does not",
    ):
        config.addinivalue_line("markers", line)


def _rank(item: pytest.Item) -> tuple[bool, int]:
    place = max((prefix for prefix in _ORDER if item.nodeid.startswith(prefix)), key=len, default=_ORDER[0])
    return item.get_closest_marker("purge") is not None, _ORDER.index(place)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests, and keep away from a person's cluster: purging it takes what runs there along."""
    items.sort(key=_rank)
    for item in items:
        if item.get_closest_marker("timeout") is not None:
            continue
        # The first one builds the cluster's programs and images, which takes minutes.
        if item.get_closest_marker("cluster") is not None:
            item.add_marker(pytest.mark.timeout(_CLUSTER_TIMEOUT_S))
        elif item.nodeid.startswith(_BUILDS):
            item.add_marker(pytest.mark.timeout(_BUILDS_TIMEOUT_S))
    if not soak.ASKED:
        _skip(items, "soak", f"`make soak` ({soak.VARIABLE}=1) runs it")
    if not os.environ.get(PURGE_VARIABLE) and _STATE.exists():
        _skip(
            items,
            "purge",
            f"this machine has an embedded cluster, which the test removes; {PURGE_VARIABLE}=1 runs it all the same",
        )


def _skip(items: list[pytest.Item], marker: str, reason: str) -> None:
    for item in items:
        if item.get_closest_marker(marker) is not None:
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_runtest_setup() -> None:
    """In a soak whose time is up, no further test begins."""
    if soak.over():
        pytest.skip("the soak's time is up; SLIPWAY_SOAK_MINUTES gives it more")


@pytest.fixture(scope="session")
def machine() -> EmbeddedCluster:
    """The embedded cluster, up; it is left running."""
    from local.cluster import EmbeddedCluster
    from local.progress import RichProgress

    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("the embedded cluster needs root on Linux")
    cluster = EmbeddedCluster()
    cluster.up(RichProgress())
    return cluster
