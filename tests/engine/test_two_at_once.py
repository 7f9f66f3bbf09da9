"""Two commands at once on one stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import footprint, live, together

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.live import LiveStack

pytestmark = [pytest.mark.engine, pytest.mark.cluster]

PORT = 30860
NAME = "two"
TURNS = 2


@pytest.fixture(scope="module")
def stack(machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """A stack of two apps, up; gone at the end."""
    assert machine is None
    found = live.make(tmp_path_factory.mktemp("two"), NAME, NAME, PORT)
    small = {"cpu": "10m", "memory": "32Mi"}
    found.settings(h2o_example={"replicas": 1, "resources": small}, nginx={"replicas": 1, "resources": small})
    with live.alone(NAME):
        found.run("down", "--by-label")
        found.run("up")
        yield found
        found.run("down")
        footprint.as_gone(found)


@pytest.fixture(scope="module")
def clean(stack: LiveStack) -> set[str]:
    """What the stack makes."""
    return footprint.objects(stack)


@pytest.mark.slow
def test_of_two_ups_one_works(stack: LiveStack, clean: set[str]) -> None:
    assert together.two_ups(stack, clean, TURNS) > 0


def test_of_up_and_down_one_works(stack: LiveStack, clean: set[str]) -> None:
    assert together.up_and_down(stack, clean, TURNS) > 0


def test_a_release_and_an_up_do_not_mix(stack: LiveStack) -> None:
    assert together.a_release_during_an_up(stack, TURNS) > 0
