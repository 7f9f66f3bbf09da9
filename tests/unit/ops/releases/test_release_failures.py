"""Releases that cannot be proven: why, and back to the tag before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ops.releases import smoke
from tests.support.release_world import ANSWER, history_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    from tests.support.release_world import World

    Slipway = Callable[..., Result]


def rolled_back(world: World, done: Result, slipway: Slipway, reason: str) -> dict[str, Any]:
    assert reason in done.stderr
    assert "rolled back to 1: what ran before runs again" in done.stderr
    assert world.pulumi.tags == ["2", "1"]
    assert world.revision() == "1"
    (entry,) = history_of(slipway)
    assert (entry["from"], entry["to"], entry["result"]) == ("1", "2", "rolled back")
    return entry


def test_a_wrong_answer_is_given_time_and_then_rolls_back(world: World, release: Slipway, slipway: Slipway) -> None:
    world.fails(world.pod("2"))
    world.web.answers = [(500, "broken")]
    done = release("2", code=1)
    entry = rolled_back(world, done, slipway, "GET /auth.json answers 500 instead of 200: broken")
    assert "smoke check" in entry["reason"]
    assert len(world.web.asked) == smoke.ROUNDS


def test_an_address_that_answers_wrongly_rolls_back_what_pulumi_called_done(
    world: World, release: Slipway, slipway: Slipway
) -> None:
    world.watched(world.workload("2"), world.workload("1"))
    world.web.answers = [(200, ANSWER)] * smoke.REQUESTS + [(404, "nobody here")]
    done = release("2", code=1)
    rolled_back(world, done, slipway, f"smoke check of h2o-example: {world.web.url}: GET /auth.json answers 404")
    assert [update["result"] for update in world.pulumi.updates] == ["succeeded", "succeeded"]


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}, "no such image"),
        (
            {"restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}},
            "CrashLoopBackOff",
        ),
        ({"restartCount": 1, "state": {"running": {}}}, "its readiness probe does not pass"),
    ],
)
def test_a_pod_that_does_not_come_up_rolls_back(
    world: World, release: Slipway, slipway: Slipway, status: dict[str, Any], told: str
) -> None:
    world.fails(world.pod("2", ready=False, **status))
    done = release("2", code=1)
    rolled_back(world, done, slipway, told)
    assert "h2o-example: release 2 failed after" in done.stderr


def test_pods_that_are_refused_roll_back(world: World, release: Slipway) -> None:
    refused = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: pods=40"}
    world.fails(world.pod("1"), updatedReplicas=0, conditions=[refused])
    world.watched(world.workload("1"), world.workload("2", updatedReplicas=0, conditions=[refused]))
    done = release("2", "--timeout", "5", code=1)
    assert "no pod can be made: exceeded quota: pods=40" in done.stderr


def test_a_rollout_that_takes_too_long_rolls_back(world: World, release: Slipway, slipway: Slipway) -> None:
    world.fails(world.pod("2", ready=False, state={"running": {}}))
    done = release("2", "--timeout", "1", "--json", code=1)
    rolled_back(world, done, slipway, "not ready after 1 s")
    told = json.loads(done.stdout)
    assert (told["result"], told["from"], told["to"], told["changed"]) == ("rolled back", "1", "2", False)


def test_what_pulumi_does_not_take_rolls_back(world: World, release: Slipway, slipway: Slipway) -> None:
    world.watched(world.workload("1"))
    world.pulumi.fails[0] = "error: the server is on fire"
    rolled_back(world, release("2", code=1), slipway, "the server is on fire")


def test_going_back_that_fails_too_is_said(world: World, release: Slipway, slipway: Slipway) -> None:
    world.pulumi.fails = {0: "error: the server is on fire", 1: "error: it still is"}
    done = release("2", code=1)
    assert "going back to 1 failed too: it still is\nput it right with slipway up --stack dev" in done.stderr
    (entry,) = history_of(slipway)
    assert (entry["result"], entry["reason"]) == ("failed", "the server is on fire")
