"""`up` and `down` killed at any moment: the next run makes exactly what a clean one makes, and leaves nothing."""

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
    stack = live.make(tmp_path_factory.mktemp("kills"), "pki", "pki", PORT)
    stack.settings(footprint.small("pki", PORT))
    with kills.measured(stack) as found:
        yield found


@pytest.mark.repeated
def test_up_and_down_killed_at_random_moments_come_to_what_clean_ones_do(clean: Clean) -> None:
    with kills.nothing_is_made_twice(clean.stack):
        kills.kill_each(clean, KILLS)


@pytest.mark.slow
def test_they_do_where_the_provider_takes_over_what_exists(clean: Clean) -> None:
    kills.kill_each(clean, KILLS)


def test_the_api_server_refuses_what_a_newer_provider_refuses(clean: Clean) -> None:
    """Guards the tests above: an object that is there and not in the state ends an `up`."""
    stack = clean.stack
    stack.run("up")
    kept = stack.environment["XDG_DATA_HOME"]
    with kills.nothing_is_made_twice(stack):
        stack.settings(nginx={"replicas": 1, "resources": {"cpu": "99m"}})
        stack.environment["XDG_DATA_HOME"] = f"{kept}-other"
        try:
            done = stack.run("up", check=False)
        finally:
            stack.environment["XDG_DATA_HOME"] = kept
        assert done.returncode == 1
        assert "it already exists" in done.stderr
        # With its state the stack can be changed.
        stack.run("up")
    stack.run("down")


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
