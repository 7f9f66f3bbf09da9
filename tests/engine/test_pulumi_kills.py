"""`up` and `down` killed at any moment, with Pulumi's engine: what its state never heard of is no orphan either."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import faults, footprint, kills, live

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


def test_what_was_made_and_not_written_down_is_taken_over(clean: Clean) -> None:
    """Killed while no pod can start: the objects are there, and the state says that they are being made."""
    stack = clean.stack
    stack.settings(nginx={"replicas": 1, "resources": {"cpu": "10m"}})
    with faults.cordoned():
        process = stack.start("up")
        live.wait_for(lambda: live.get("statefulset", "griddb-server", "-n", "pki-todo"), 120, "a StatefulSet")
        process.kill()
        process.communicate()
        live.wait_for(lambda: not footprint.children(stack), 10, "the end of its programs")
    stack.run("up")
    footprint.as_clean(stack, clean.objects)
    assert stack.run("preview").stdout.strip() == "stack pki: no changes"
    stack.run("down")
    footprint.as_gone(stack)
