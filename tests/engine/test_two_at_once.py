"""Two commands at once on one stack: one works, the other says who does; afterwards the stack is whole."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from local import paths
from tests.support import faults, footprint, live, variants

if TYPE_CHECKING:
    import subprocess

    from tests.support.live import LiveStack

pytestmark = [pytest.mark.engine, pytest.mark.cluster, pytest.mark.usefixtures("machine")]

TURNS = 2
BUSY = re.compile(r"is being worked on by .*process \d+, slipway (\w+)")
CHANGED = "was changed while this run waited for its turn"
_TIMEOUT_S = 300


@pytest.fixture(scope="module")
def stack(stack: LiveStack) -> LiveStack:
    """The stack with a pod for each of its two apps, up."""
    small = {"cpu": "10m", "memory": "32Mi"}
    stack.settings(live.settings("eng", 30580))
    stack.settings(h2o_example={"replicas": 1, "resources": small}, nginx={"replicas": 1, "resources": small})
    stack.run("up")
    return stack


@pytest.fixture(scope="module")
def clean(stack: LiveStack) -> set[str]:
    """What the stack makes."""
    return footprint.objects(stack)


def raced(
    stack: LiveStack, first: tuple[str, ...], second: tuple[str, ...], *, holding: bool = False
) -> list[tuple[int, str]]:
    """Start two commands at once, or the second when the first one holds the stack; how each ended. Until one of them
    has ended no pod starts on the node: a rollout takes longer than the other's patience."""
    with faults.cordoned():
        processes = [stack.start(*first)]
        while holding and processes[0].poll() is None and not _held(stack.name):
            time.sleep(0.02)
        processes.append(stack.start(*second))
        end = time.monotonic() + _TIMEOUT_S
        while all(process.poll() is None for process in processes) and time.monotonic() < end:
            time.sleep(0.1)
    return ended(processes)


def _held(stack: str) -> bool:
    """Whether a run on this machine says that it holds the stack."""
    return any(file.read_text(encoding="utf-8") for file in (paths.cache() / "locks").glob(f"{stack}-*.lock"))


def ended(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """Exit code and what was said on stderr, of each; no traceback, no child left behind."""
    told = [process.communicate(timeout=_TIMEOUT_S) for process in processes]
    for _, said in told:
        assert "Traceback" not in said, said
    return [(process.returncode, said) for process, (_, said) in zip(processes, told, strict=True)]


def one_wins(results: list[tuple[int, str]], *commands: str) -> int:
    """Assert that one worked and the other was refused, saying by whom; returns who won. Two that do not meet, because
    one had ended before the other wanted the stack, both work: the number is -1 then."""
    codes = [code for code, _ in results]
    if codes == [0, 0]:
        return -1
    assert sorted(codes) == [0, 1], results
    winner = codes.index(0)
    loser = results[1 - winner][1]
    said = BUSY.search(loser)
    assert said or CHANGED in loser, results
    assert not said or said.group(1) == commands[winner], results
    return winner


def request(stack: LiveStack) -> str:
    """The CPU request of nginx, as the cluster has it."""
    (found,) = live.get("deployment", "nginx", "-n", f"{stack.name}-nginx")
    (container,) = found["spec"]["template"]["spec"]["containers"]
    return str(container["resources"]["requests"]["cpu"])


@pytest.mark.slow
def test_of_two_ups_one_works(stack: LiveStack, clean: set[str]) -> None:
    met = 0
    for turn in range(TURNS):
        cpu = f"{20 + turn}m"
        stack.settings(nginx={"resources": {"cpu": cpu}})
        met += one_wins(raced(stack, ("up",), ("up",)), "up", "up") >= 0
        assert request(stack) == cpu
        footprint.as_clean(stack, clean)
        assert stack.run("preview").stdout.strip() == f"stack {stack.name}: no changes"
    assert met > 0


def test_of_up_and_down_one_works(stack: LiveStack, clean: set[str]) -> None:
    """Each is first in turn: what the winner wants is what is there."""
    met = 0
    for turn in range(TURNS):
        stack.run("up")
        # Something to do for `up`, or it is over before the other begins.
        stack.settings(nginx={"resources": {"cpu": f"{40 + turn}m"}})
        commands = ("up", "down") if turn % 2 == 0 else ("down", "up")
        winner = one_wins(raced(stack, (commands[0],), (commands[1],), holding=True), *commands)
        met += winner >= 0
        if winner >= 0 and commands[winner] == "up":
            footprint.as_clean(stack, clean)
        elif winner >= 0:
            footprint.as_gone(stack)
        stack.run("up")
        footprint.as_clean(stack, clean)
    assert met > 0


def test_a_release_and_an_up_do_not_mix(stack: LiveStack) -> None:
    """A release while `up` works, and the other way round; the loser's repetition works."""
    met, first = 0, f"first-{time.time_ns():x}"
    variants.good(first)
    # From now on there is a history.
    stack.run("release", "h2o-example", "--image-tag", first)
    clean = footprint.objects(stack)
    for turn in range(TURNS):
        tag = f"t{turn}-{time.time_ns():x}"
        variants.good(tag)
        stack.settings(nginx={"resources": {"cpu": f"{60 + turn}m"}})
        release = ("release", "h2o-example", "--image-tag", tag)
        commands = (("up",), release) if turn % 2 == 0 else (release, ("up",))
        results = raced(stack, *commands, holding=True)
        winner = one_wins(results, *[command[0] for command in commands])
        met += winner >= 0
        if winner >= 0:
            # Who lost comes again, as the message says.
            stack.run(*commands[1 - winner])
        assert stack.apps()["h2o-example"]["image"].endswith(f":{tag}")
        assert request(stack) == f"{60 + turn}m"
        footprint.as_clean(stack, clean)
        assert stack.run("preview").stdout.strip() == f"stack {stack.name}: no changes"
    assert met > 0
