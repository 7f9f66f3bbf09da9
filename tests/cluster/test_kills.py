"""`up` and `down` killed at any moment: the next run makes exactly what a clean one makes, and leaves nothing."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support import footprint, live

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.live import LiveStack

pytestmark = pytest.mark.cluster

SOAK = os.environ.get("SLIPWAY_TEST_SOAK") == "1"
KILLS = int(os.environ.get("SLIPWAY_TEST_KILLS", "20" if SOAK else "3"))
"""How often each command is killed: three times, or twenty with SLIPWAY_TEST_SOAK=1."""
SEED = int(os.environ.get("SLIPWAY_TEST_SEED", "0")) or time.time_ns()
PORT = 30720


@dataclass(frozen=True)
class Clean:
    """What an undisturbed run came to.

    Attributes:
        stack: The stack.
        objects: What it makes.
        up_s: Seconds of a first `up`.
        down_s: Seconds of a `down`.
    """

    stack: LiveStack
    objects: set[str]
    up_s: float
    down_s: float


def timed(stack: LiveStack, command: str) -> float:
    started = time.monotonic()
    stack.run(command)
    return time.monotonic() - started


@pytest.fixture(scope="module")
def clean(machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clean]:
    assert machine is None
    stack = live.make(tmp_path_factory.mktemp("kills") / "project", "kil", "kil", PORT, SLIPWAY_ENGINE="helm")
    stack.settings(footprint.small("kil", PORT))
    with live.alone("kil"):
        stack.run("down")
        up_s = timed(stack, "up")
        found = footprint.objects(stack)
        assert any(name.startswith("Secret") for name in found), found
        assert any(name.startswith("volume of") for name in found), found
        yield Clean(stack, found, up_s, timed(stack, "down"))
        stack.run("down")
        footprint.as_gone(stack)


def moments(count: int, longest: float, dice: random.Random) -> list[float]:
    """Moments spread over a run's whole duration, one in each stretch of it, in any order."""
    step = (longest - 1.0) / count
    found = [1.0 + step * (turn + dice.random()) for turn in range(count)]
    dice.shuffle(found)
    return found


def killed(stack: LiveStack, command: str, moment: float, story: str) -> bool:
    """Kill a command at a moment; no program of it lives on. Returns whether it was still running."""
    code = stack.kill_after(moment, command)
    assert code in (0, -signal.SIGKILL), story
    live.wait_for(lambda: not footprint.children(stack), 10, f"the end of {footprint.children(stack)}")
    return code != 0


def test_up_killed_at_random_moments_makes_what_a_clean_one_makes(clean: Clean) -> None:
    stack, dice = clean.stack, random.Random(SEED)  # noqa: S311 - moments of a test
    hits = 0
    for turn, moment in enumerate(moments(KILLS, clean.up_s, dice)):
        story = f"SLIPWAY_TEST_SEED={SEED}, turn {turn}, killed after {moment:.1f} s"
        # From nothing, and from a stack that stands.
        first = turn % 2 == 0
        if first:
            stack.run("down")
        stack.settings(nginx={"replicas": 1 + turn % 2, "revision": f"k{turn}"})
        before = footprint.secrets(stack)
        hits += killed(stack, "up", moment, story)
        drawn = footprint.secrets(stack)
        assert before.items() <= drawn.items(), story
        stack.run("up")
        assert drawn.items() <= footprint.secrets(stack).items(), story
        footprint.as_clean(stack, clean.objects)
    assert hits >= KILLS / 2, f"SLIPWAY_TEST_SEED={SEED}: only {hits} of {KILLS} were killed while they worked"


def test_down_killed_at_random_moments_is_finished_by_the_next(clean: Clean) -> None:
    stack, dice = clean.stack, random.Random(SEED + 1)  # noqa: S311 - moments of a test
    hits = 0
    stack.run("up")
    for turn, moment in enumerate(moments(KILLS, clean.down_s, dice)):
        story = f"SLIPWAY_TEST_SEED={SEED}, turn {turn}, killed after {moment:.1f} s"
        hits += killed(stack, "down", moment, story)
        if turn % 2 == 0:
            stack.run("down")
            footprint.as_gone(stack)
        # The other way on: up again over what the killed removal left.
        stack.run("up")
        footprint.as_clean(stack, clean.objects)
    assert hits >= KILLS / 2, f"SLIPWAY_TEST_SEED={SEED}: only {hits} of {KILLS} were killed while they worked"
