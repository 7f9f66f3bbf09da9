"""`up` and `down` killed at any moment: the next run makes exactly what a clean one makes, and leaves nothing."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support import faults, footprint, live, soak

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.support.live import LiveStack

pytestmark = [pytest.mark.engine, pytest.mark.cluster, pytest.mark.usefixtures("machine")]

PORT = 30885
SEED = int(os.environ.get("SLIPWAY_TEST_SEED", "0")) or time.time_ns()
# How often each command is killed.
KILLS = int(os.environ.get("SLIPWAY_TEST_KILLS", "20" if soak.ASKED else "2"))


@dataclass(frozen=True)
class Clean:
    """What an undisturbed run came to."""

    stack: LiveStack
    objects: set[str]
    up_s: float
    down_s: float


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clean]:
    """A clean `up` and `down`, measured; the stack is gone before and after."""
    with footprint.own(tmp_path_factory.mktemp("kills"), "pki", PORT, footprint.small(PORT)) as stack:
        up_s = timed(stack, "up")
        found = footprint.objects(stack)
        assert any(name.startswith("Secret") for name in found), found
        assert any(name.startswith("volume of") for name in found), found
        yield Clean(stack, found, up_s, timed(stack, "down"))


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


def kill_each(clean: Clean) -> None:
    """Kill `up` (on its way from nothing and from a stack that stands) and `down`, then `down` or `up`, in turns, at
    moments spread over their durations, till the soak ends. Each time there is what a clean run makes, or none."""
    stack, dice = clean.stack, random.Random(SEED)  # noqa: S311 - moments of a test
    hits, done = {"up": 0, "down": 0}, 0
    turns = zip(moments(clean.up_s, dice), moments(clean.down_s, dice), strict=True)
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
        hits["up"] += killed(stack, "up", up_moment, story)
        drawn = footprint.secrets(stack)
        assert before.items() <= drawn.items(), story
        stack.run("up")
        # What the killed run had drawn is kept.
        assert drawn.items() <= footprint.secrets(stack).items(), story
        footprint.as_clean(stack, clean.objects)

        hits["down"] += killed(stack, "down", down_moment, story)
        if turn % 2 == 0:
            stack.run("down")
            footprint.as_gone(stack)
        else:
            stack.run("up")
            footprint.as_clean(stack, clean.objects)
    print(f"SLIPWAY_TEST_SEED={SEED}: of {done} kills each, {hits} hit a run that was at work")
    assert min(hits.values()) >= done / 2, f"SLIPWAY_TEST_SEED={SEED}: {hits} of {done} were killed while they worked"


def timed(stack: LiveStack, command: str) -> float:
    started = time.monotonic()
    stack.run(command)
    return time.monotonic() - started


def moments(longest: float, dice: random.Random) -> list[float]:
    """One moment in each stretch of a run's duration, in any order."""
    step = (longest - 1.0) / KILLS
    found = [1.0 + step * (turn + dice.random()) for turn in range(KILLS)]
    dice.shuffle(found)
    return found


def killed(stack: LiveStack, command: str, moment: float, story: str) -> bool:
    """Kill a command at a moment; no program of it lives on. Returns whether it was still running."""
    code = stack.kill_after(moment, command)
    assert code in (0, -signal.SIGKILL), story
    live.wait_for(lambda: not footprint.children(stack), 10, f"the end of {footprint.children(stack)}")
    return code != 0


@pytest.mark.repeated
def test_up_and_down_killed_at_random_moments_come_to_what_clean_ones_do(clean: Clean) -> None:
    with nothing_is_made_twice(clean.stack):
        kill_each(clean)


@pytest.mark.slow
def test_they_do_where_the_provider_takes_over_what_exists(clean: Clean) -> None:
    kill_each(clean)


def test_the_api_server_refuses_what_a_newer_provider_refuses(clean: Clean) -> None:
    """Guards the tests above: an object that is there and not in the state ends an `up`."""
    stack = clean.stack
    stack.run("up")
    kept = stack.environment["XDG_DATA_HOME"]
    with nothing_is_made_twice(stack):
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
