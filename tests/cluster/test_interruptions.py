"""Runs that are killed or interrupted at any moment: the next one converges, with nothing left over or doubled."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.support import live

if TYPE_CHECKING:
    from tests.support.live import LiveStack

pytestmark = pytest.mark.cluster

# More with SLIPWAY_TEST_ROUNDS=20; each takes half a minute.
ROUNDS = int(os.environ.get("SLIPWAY_TEST_ROUNDS", "3"))
LONGEST_SECONDS = 9.0


def converged(stack: LiveStack) -> None:
    """The stack is as its settings say, and the cluster has nothing more of it."""
    assert stack.run("preview").stdout.strip() == f"stack {stack.name}: no changes"
    statuses = [status for _, status in stack.releases()]
    assert statuses.count("deployed") == 1, stack.releases()
    assert not [status for status in statuses if status.startswith("pending")], stack.releases()
    assert all(app["ready"] == app["desired"] for app in stack.apps().values())
    assert len(stack.pods()) == sum(app["desired"] for app in stack.apps().values())
    assert live.get("leases.coordination.k8s.io", "-n", "slipway") == []


def test_up_killed_at_random_moments_converges(own: LiveStack) -> None:
    seed = time.time_ns()
    dice = random.Random(seed)  # noqa: S311 - moments of a test
    for turn in range(ROUNDS):
        own.settings(h2o_example={"revision": f"k{turn}"}, nginx={"replicas": dice.choice([1, 2, 3])})
        moment = dice.uniform(1.0, LONGEST_SECONDS)
        code = own.kill_after(moment, "up")
        assert code in (0, -signal.SIGKILL), f"seed {seed}, turn {turn}, killed after {moment:.1f} s"
        own.run("up")
        converged(own)


def test_a_first_up_killed_at_random_moments_converges(own_stack: LiveStack) -> None:
    seed = time.time_ns()
    dice = random.Random(seed)  # noqa: S311 - moments of a test
    own_stack.settings(live.settings("own", 30480))
    for turn in range(ROUNDS - 1):
        own_stack.run("down")
        moment = dice.uniform(1.5, LONGEST_SECONDS)
        code = own_stack.kill_after(moment, "up")
        assert code in (0, -signal.SIGKILL), f"seed {seed}, turn {turn}, killed after {moment:.1f} s"
        own_stack.run("up")
        converged(own_stack)


def test_down_killed_at_random_moments_is_finished_by_the_next(own_stack: LiveStack) -> None:
    seed = time.time_ns()
    dice = random.Random(seed)  # noqa: S311 - moments of a test
    own_stack.settings(live.settings("own", 30480))
    for turn in range(ROUNDS - 1):
        own_stack.run("up")
        moment = dice.uniform(1.5, LONGEST_SECONDS + 3)
        code = own_stack.kill_after(moment, "down")
        assert code in (0, -signal.SIGKILL), f"seed {seed}, turn {turn}, killed after {moment:.1f} s"
        if turn % 2:
            # The other way on: up again over what the killed removal left.
            own_stack.run("up")
            converged(own_stack)
        own_stack.run("down")
        assert own_stack.objects("namespaces,secrets,services,deployments,pods") == []
        assert "nothing to remove" in own_stack.run("down").stdout


def test_ctrl_c_is_one_line_and_the_next_up_goes_on(own: LiveStack) -> None:
    own.settings(h2o_example={"revision": "c1"})
    process = own.start("up")
    live.wait_for(
        lambda: any(status.startswith("pending") for _, status in own.releases()), 60, "the beginning of the rollout"
    )
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.splitlines()[-1] == "interrupted; run the same command again to continue"
    assert "Traceback" not in told
    own.run("up")
    converged(own)


def test_two_runs_at_once_one_works_and_the_other_says_who(own: LiveStack) -> None:
    own.settings(h2o_example={"revision": "w1"})
    first = own.start("up")
    live.wait_for(
        lambda: any(status.startswith("pending") for _, status in own.releases()), 60, "the beginning of the rollout"
    )
    second = own.run("up", check=False)
    _, told = first.communicate(timeout=300)
    assert first.returncode == 0, told
    # The first may have ended within the second's patience.
    assert second.returncode == 0 or f"process {first.pid}, slipway up" in second.stderr
    converged(own)


def test_down_leaves_nothing_and_up_makes_all_again(own: LiveStack) -> None:
    before = everything()
    own.run("down")
    assert own.objects("namespaces,secrets,services,deployments,pods,networkpolicies") == []
    assert "nothing to remove" in own.run("down").stdout
    own.run("up")
    converged(own)
    assert {name for name in before if "own" in name} <= everything()


def everything() -> set[str]:
    found = live.get("namespaces,services,deployments,persistentvolumes", "-A")
    return {f"{i['kind']}/{i['metadata'].get('namespace', '')}/{i['metadata']['name']}" for i in found}
