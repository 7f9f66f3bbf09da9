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
    return int(os.environ.get("SLIPWAY_TEST_KILLS", str(20 if soak.ASKED else usual)))


@dataclass(frozen=True)
class Clean:
    """What an undisturbed run came to."""

    stack: LiveStack
    objects: set[str]
    up_s: float
    down_s: float


@contextmanager
def measured(stack: LiveStack) -> Generator[Clean]:
    """A clean `up` and `down`, measured; the stack is gone before and after."""
    with live.alone(stack.name):
        stack.run("down", "--by-label")
        up_s = _timed(stack, "up")
        found = footprint.objects(stack)
        assert any(name.startswith("Secret") for name in found), found
        assert any(name.startswith("volume of") for name in found), found
        yield Clean(stack, found, up_s, _timed(stack, "down"))
        stack.run("down")
        footprint.as_gone(stack)


@contextmanager
def nothing_is_made_twice(stack: LiveStack) -> Generator[None]:
    """Have the API server refuse what Pulumi's Kubernetes provider refuses since 4.29: to make an object that exists.
    The provider at hand takes such an object over. It says who it is by a name that it draws when it makes an object
    and keeps in the state, so an object that is made anew comes with another one."""
    ours = 'm.manager.startsWith("pulumi-kubernetes-")'
    known = "oldObject.metadata.managedFields.exists"
    new = f"object.metadata.managedFields.filter(m, {ours})"
    rule = f"!{known}(m, {ours}) || {new}.all(m, {known}(o, o.manager == m.manager))"
    name = f"slipway-tests-{stack.name}"
    match = {
        "objectSelector": {"matchLabels": {"slipway.dev/stack": stack.name}},
        "resourceRules": [{"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], "operations": ["UPDATE"]}],
    }
    policy = {"matchConstraints": match, "validations": [{"expression": rule, "message": "it already exists"}]}
    binding = {"policyName": name, "validationActions": ["Deny"]}
    version = "admissionregistration.k8s.io/v1"
    for kind, spec in (("ValidatingAdmissionPolicy", policy), ("ValidatingAdmissionPolicyBinding", binding)):
        document = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
        live.kubectl("apply", "-f", "-", document=document)
    try:
        yield
    finally:
        live.kubectl("delete", f"validatingadmissionpolicy/{name}", f"validatingadmissionpolicybinding/{name}")


def kill_each(clean: Clean, kills: int) -> None:
    """Kill `up` (on its way from nothing and from a stack that stands) and `down`, then `down` or `up`, in turns, at
    moments spread over their durations, till the soak ends. Each time there is what a clean run makes, or none."""
    stack, dice = clean.stack, random.Random(SEED)  # noqa: S311 - moments of a test
    hits, done = {"up": 0, "down": 0}, 0
    turns = zip(_moments(kills, clean.up_s, dice), _moments(kills, clean.down_s, dice), strict=True)
    for turn, (up_moment, down_moment) in enumerate(turns):
        if done and soak.over():
            break
        done += 1
        story = (
            f"SLIPWAY_TEST_SEED={SEED}, turn {turn}, up killed after {up_moment:.1f} s, down after {down_moment:.1f} s"
        )
        print(f"{time.strftime('%H:%M:%S')} {story}", flush=True)
        stack.settings(nginx={"replicas": 1 + turn % 2, "resources": {"cpu": f"{10 + turn}m"}})
        before = footprint.secrets(stack)
        hits["up"] += _killed(stack, "up", up_moment, story)
        drawn = footprint.secrets(stack)
        assert before.items() <= drawn.items(), story
        stack.run("up")
        # What the killed run had drawn is kept.
        assert drawn.items() <= footprint.secrets(stack).items(), story
        footprint.as_clean(stack, clean.objects)

        hits["down"] += _killed(stack, "down", down_moment, story)
        if turn % 2 == 0:
            stack.run("down")
            footprint.as_gone(stack)
        else:
            stack.run("up")
            footprint.as_clean(stack, clean.objects)
    print(f"SLIPWAY_TEST_SEED={SEED}: of {done} kills each, {hits} hit a run that was at work")
    assert min(hits.values()) >= done / 2, f"SLIPWAY_TEST_SEED={SEED}: {hits} of {done} were killed while they worked"


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
