"""Killing `up` and `down` at any moment, and what has to be true after the next run."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support import footprint, live, soak

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.support.live import LiveStack

SEED = int(os.environ.get("SLIPWAY_TEST_SEED", "0")) or time.time_ns()


def count(usual: int) -> int:
    """How often each command is killed: as said, or with SLIPWAY_TEST_SOAK=1 twenty times; SLIPWAY_TEST_KILLS wins."""
    soak = 20 if os.environ.get("SLIPWAY_TEST_SOAK") == "1" else usual
    return int(os.environ.get("SLIPWAY_TEST_KILLS", str(soak)))


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


@contextmanager
def measured(stack: LiveStack) -> Generator[Clean]:
    """A clean `up` and `down`, measured; the stack is gone before and after."""
    with live.alone(stack.name):
        stack.run("down")
        up_s = _timed(stack, "up")
        found = footprint.objects(stack)
        assert any(name.startswith("Secret") for name in found), found
        assert any(name.startswith("volume of") for name in found), found
        yield Clean(stack, found, up_s, _timed(stack, "down"))
        stack.run("down")
        footprint.as_gone(stack)


def kill_up(clean: Clean, kills: int) -> None:
    """Kill `up` at moments spread over its duration; each time the next one makes what a clean one makes."""
    stack, dice = clean.stack, random.Random(SEED)  # noqa: S311 - moments of a test
    hits, turns, end = 0, 0, soak.share(0.5)
    for turn, moment in enumerate(_moments(kills, clean.up_s, dice)):
        if time.time() > end:
            break
        turns += 1
        story = f"SLIPWAY_TEST_SEED={SEED}, turn {turn}, killed after {moment:.1f} s"
        # From nothing, and from a stack that stands.
        if turn % 2 == 0:
            stack.run("down")
        stack.settings(nginx={"replicas": 1 + turn % 2, "resources": {"cpu": f"{10 + turn}m"}})
        before = footprint.secrets(stack)
        hits += _killed(stack, "up", moment, story)
        drawn = footprint.secrets(stack)
        assert before.items() <= drawn.items(), story
        stack.run("up")
        # What the killed run had drawn is kept.
        assert drawn.items() <= footprint.secrets(stack).items(), story
        footprint.as_clean(stack, clean.objects)
    _enough(hits, turns)


def kill_down(clean: Clean, kills: int) -> None:
    """Kill `down` at moments spread over its duration; the next one finishes it, or `up` makes all again."""
    stack, dice = clean.stack, random.Random(SEED + 1)  # noqa: S311 - moments of a test
    hits, turns = 0, 0
    stack.run("up")
    for turn, moment in enumerate(_moments(kills, clean.down_s, dice)):
        if soak.over():
            break
        turns += 1
        story = f"SLIPWAY_TEST_SEED={SEED}, turn {turn}, killed after {moment:.1f} s"
        hits += _killed(stack, "down", moment, story)
        if turn % 2 == 0:
            stack.run("down")
            footprint.as_gone(stack)
        # The other way on: up again over what the killed removal left.
        stack.run("up")
        footprint.as_clean(stack, clean.objects)
    _enough(hits, turns)


def _timed(stack: LiveStack, command: str) -> float:
    started = time.monotonic()
    stack.run(command)
    return time.monotonic() - started


def _moments(kills: int, longest: float, dice: random.Random) -> list[float]:
    """One moment in each stretch of a run's duration, in any order."""
    step = (longest - 1.0) / kills
    found = [1.0 + step * (turn + dice.random()) for turn in range(kills)]
    dice.shuffle(found)
    return found


def _killed(stack: LiveStack, command: str, moment: float, story: str) -> bool:
    """Kill a command at a moment; no program of it lives on. Returns whether it was still running."""
    code = stack.kill_after(moment, command)
    assert code in (0, -signal.SIGKILL), story
    live.wait_for(lambda: not footprint.children(stack), 10, f"the end of {footprint.children(stack)}")
    return code != 0


def _enough(hits: int, kills: int) -> None:
    print(f"SLIPWAY_TEST_SEED={SEED}: {hits} of {kills} killed while they worked")
    assert hits >= kills / 2, f"SLIPWAY_TEST_SEED={SEED}: only {hits} of {kills} were killed while they worked"
