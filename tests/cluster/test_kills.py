"""`up` and `down` killed at any moment: the next run makes exactly what a clean one makes, and leaves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import footprint, kills, live

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.kills import Clean

pytestmark = pytest.mark.cluster

KILLS = kills.count(3)
PORT = 30720


@pytest.fixture(scope="module")
def clean(machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clean]:
    assert machine is None
    stack = live.make(tmp_path_factory.mktemp("kills") / "project", "kil", "kil", PORT, SLIPWAY_ENGINE="helm")
    stack.settings(footprint.small("kil", PORT))
    with kills.measured(stack) as found:
        yield found


@pytest.mark.repeated
def test_up_and_down_killed_at_random_moments_come_to_what_clean_ones_do(clean: Clean) -> None:
    kills.kill_each(clean, KILLS)
