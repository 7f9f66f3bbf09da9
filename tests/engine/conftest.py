"""Fixtures of the tests with Pulumi's own engine."""

from __future__ import annotations

import os
import sys
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
def machine() -> None:
    """The embedded cluster, up; it is left running."""
    from local.cluster import EmbeddedCluster
    from local.progress import RichProgress

    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("the embedded cluster needs root on Linux")
    EmbeddedCluster().up(RichProgress())


@pytest.fixture(scope="session")
def stack(cli: str, machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """A stack of the tests' own in a state of its own, made by Pulumi; gone at the end."""
    assert cli
    assert machine is None
    home = tmp_path_factory.mktemp("engine")
    found = live.make(home / "project", "eng", "eng", 30580, SLIPWAY_ENGINE="pulumi", XDG_DATA_HOME=str(home / "data"))
    # The state is the tests' own whatever backend this shell is set to.
    found.drop = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
    with live.alone("eng"):
        yield found
        found.run("down")


@pytest.fixture
def up(stack: LiveStack) -> LiveStack:
    """The stack, up and as its first settings say."""
    stack.settings(live.settings("eng", 30580))
    stack.run("up")
    return stack
