"""`up` and `down` killed at any moment, with Pulumi's engine: what its state never heard of is no orphan either."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import footprint, kills, live

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.kills import Clean

pytestmark = [pytest.mark.engine, pytest.mark.cluster]

KILLS = kills.count(2)
PORT = 30885


@pytest.fixture(scope="module")
def clean(machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clean]:
    assert machine is None
    stack = live.make_with("pulumi", tmp_path_factory.mktemp("kills"), "pki", "pki", PORT)
    stack.settings(footprint.small("pki", PORT))
    with kills.measured(stack) as found:
        yield found


def test_up_and_down_killed_at_random_moments_come_to_what_clean_ones_do(clean: Clean) -> None:
    kills.kill_each(clean, KILLS)
