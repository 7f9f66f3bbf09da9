"""`slipway release`, `rollback` and `history` on the embedded cluster, under constant requests."""

from __future__ import annotations

import json
import os
import random
import signal
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support import footprint, live, variants
from tests.support.load import Load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.live import LiveStack

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

PORT = 31380
ROUNDS = int(os.environ.get("SLIPWAY_TEST_ROUNDS", "2"))
APP = "h2o-example"
# What comes after the last pod is ready: old pods go through their grace period.
SETTLE_SECONDS = 8


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    with footprint.own(tmp_path_factory.mktemp("rel"), "rel", PORT) as found:
        yield found


@pytest.fixture
def up(stack: LiveStack) -> LiveStack:
    """The stack, up and as its first settings say."""
    stack.settings(live.settings("rel", PORT))
    stack.run("up")
    return stack


def body(stack: LiveStack) -> str:
    """What the app answers at `/`."""
    with urllib.request.urlopen(stack.apps()[APP]["url"], timeout=10) as response:
        return response.read().decode().strip()


def tags(prefix: str, count: int) -> list[str]:
    """Tags that no run has used before: a tag is never pushed twice."""
    run = f"{time.time_ns():x}"[-9:]
    return [f"{prefix}{number}-{run}" for number in range(count)]


def entries(stack: LiveStack) -> list[dict[str, Any]]:
    """The history, newest first."""
    return json.loads(stack.run("history", "--json").stdout)


def clean(stack: LiveStack) -> None:
    """Nothing is left to do, to wait for, or locked."""
    assert stack.run("preview").stdout.strip() == f"stack {stack.name}: no changes"
    assert all(app["ready"] == app["desired"] for app in stack.apps().values())
    assert live.get("namespaces", "slipway") == []


def _fails(stack: LiveStack, tag: str, before: str, reason: str, *options: str) -> None:
    done = stack.run("release", APP, "--image-tag", tag, *options, check=False)
    assert done.returncode == 1, done.stdout
    assert reason in done.stderr, done.stderr
    assert f"rolled back to {before}: what ran before runs again" in done.stderr, done.stderr
    app = stack.apps()[APP]
    assert app["image"].endswith(f":{before}")
    assert app["ready"] == app["desired"]


def test_three_releases_and_three_broken_images_lose_no_request(up: LiveStack) -> None:
    good, (crash, mute, wrong) = tags("r", 3), tags("bad", 3)
    for tag in good:
        variants.good(tag)
    variants.crashing(crash)
    variants.mute(mute)
    variants.wrong(wrong)
    others = [name for name in up.pods() if name.startswith("nginx")]
    before = up.apps()[APP]["image"].rpartition(":")[2]
    with Load(up.apps()[APP]["url"]) as load:
        time.sleep(1)
        for tag in good:
            told = json.loads(up.run("release", APP, "--image-tag", tag, "--json").stdout)
            assert (told["from"], told["to"], told["result"]) == (before, tag, "released")
            assert body(up) == f"Served by h2o, release {tag}"
            before = tag
        # The last of the pods before leave their Service only now.
        time.sleep(SETTLE_SECONDS)
        for tag, reason in ((crash, "no configuration found"), (wrong, "GET /auth.json answers without")):
            _fails(up, tag, before, reason)
        _fails(up, mute, before, "not ready after 25 s", "--timeout", "25")
        time.sleep(SETTLE_SECONDS)
    assert load.failures == []
    assert all(tally.requests > 500 for tally in [*load.fresh, *load.kept])
    assert body(up) == f"Served by h2o, release {before}"
    assert [name for name in up.pods() if name.startswith("nginx")] == others
    settings = yaml.safe_load((up.directory / f"Pulumi.{up.name}.yaml").read_text(encoding="utf-8"))
    assert settings["config"]["slipway:apps"][APP]["revision"] == before
    newest = entries(up)[:6]
    assert [entry["result"] for entry in newest] == ["rolled back"] * 3 + ["released"] * 3
    assert [entry["to"] for entry in newest] == [mute, wrong, crash, *reversed(good)]
    assert all(entry["who"] and entry["seconds"] > 0 and entry["digests"] for entry in newest)
    clean(up)


def test_going_back_follows_the_history(up: LiveStack) -> None:
    """The same tag again is nothing to do; a changed tag is refused."""
    first, second = tags("b", 2)
    for tag in (first, second):
        variants.good(tag)
        up.run("release", APP, "--image-tag", tag)
    again = up.run("release", APP, "--image-tag", second)
    assert "nothing to do" in again.stdout
    assert f"runs {first} (before: {second})" in up.run("rollback", APP).stdout
    assert body(up) == f"Served by h2o, release {first}"
    clean(up)
    variants.with_files(first, {"index.html": "Served by somebody else\n"})
    moved = up.run("release", APP, "--image-tag", first, check=False)
    assert moved.returncode == 1
    assert "has changed in the registry" in moved.stderr
    missing = up.run("release", APP, "--image-tag", f"none-{second}", check=False)
    assert missing.returncode == 1
    assert "the registry has no" in missing.stderr
    assert body(up) == f"Served by h2o, release {first}"


def test_a_release_changes_this_app_alone(up: LiveStack) -> None:
    """What else the stack file says by now waits for `up`; what it says of this app is refused and listed."""
    (tag,) = tags("o", 1)
    variants.good(tag)
    up.settings(nginx={"replicas": 1})
    up.run("release", APP, "--image-tag", tag)
    assert up.apps()["nginx"]["desired"] == 2
    told = json.loads(up.run("preview", "--json").stdout)
    assert [change["name"] for change in told["objects"]] == [f"Deployment {up.name}-nginx/nginx"]
    up.settings(h2o_example={"replicas": 3})
    (other,) = tags("o", 1)
    variants.good(other)
    refused = up.run("release", APP, "--image-tag", other, check=False)
    assert refused.returncode == 1
    assert "spec.replicas: 2 → 3" in refused.stderr
    assert body(up) == f"Served by h2o, release {tag}"


@pytest.mark.slow
def test_a_killed_release_converges(up: LiveStack) -> None:
    """A killed release is put right by `up` (to what the file says) or finished by the next release."""
    seed = time.time_ns()
    dice = random.Random(seed)  # noqa: S311 - moments of a test
    with Load(up.apps()[APP]["url"]) as load:
        for turn, tag in enumerate(tags("k", ROUNDS)):
            variants.good(tag)
            moment = dice.uniform(0.5, 6.0)
            code = up.kill_after(moment, "release", APP, "--image-tag", tag)
            said = f"seed {seed}, turn {turn}, killed after {moment:.1f} s"
            assert code in (0, -signal.SIGKILL), said
            if turn % 2:
                up.run("up")
            else:
                up.run("release", APP, "--image-tag", tag)
                assert body(up) == f"Served by h2o, release {tag}", said
            clean(up)
        time.sleep(SETTLE_SECONDS)
    assert load.failures == []


@pytest.mark.slow
def test_a_release_in_a_fresh_clone_leaves_the_rest_as_it_is(
    up: LiveStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first, second = tags("c", 2)
    for tag in (first, second):
        variants.good(tag)
    up.run("release", APP, "--image-tag", first)
    # The clone has the backend, and its file still says revision 1: what counts as the tag before is what runs.
    clone = live.make(tmp_path_factory.mktemp("clone") / "project", "rel", "rel", PORT, **up.environment)
    assert f"h2o-example: {first}, released" in clone.run("preview").stderr
    assert [entry["to"] for entry in entries(clone)][:1] == [first]
    told = json.loads(clone.run("release", APP, "--image-tag", second, "--json").stdout)
    assert (told["from"], told["to"], told["file"]) == (first, second, "Pulumi.rel.yaml")
    assert body(clone) == f"Served by h2o, release {second}"
    clean(clone)


@pytest.mark.slow
def test_a_tag_that_looks_like_a_number_is_one(up: LiveStack) -> None:
    tag = "12345e67"
    variants.good(tag)
    up.run("release", APP, "--image-tag", tag)
    assert body(up) == f"Served by h2o, release {tag}"
    clean(up)


def test_an_image_is_built_tested_pushed_and_released(up: LiveStack) -> None:
    (tag,) = tags("built", 1)
    done = up.run("release", APP, "--image-tag", tag, "--build")
    assert f"runs {tag} (before: 1)" in done.stdout
    assert body(up) == "Served by h2o"
    assert entries(up)[0]["digests"] == {f"localhost:5000/h2o:{tag}": variants.digest(tag)}


def test_the_history_is_pulumis_and_goes_with_the_stack(up: LiveStack) -> None:
    (tag,) = tags("d", 1)
    variants.good(tag)
    up.run("release", APP, "--image-tag", tag)
    assert f"Message: release {APP}: 1 → {tag} by " in up.run("pulumi", "--", "stack", "history").stdout
    up.run("down")
    assert live.get("configmaps,namespaces", "-A", "-l", "slipway.dev/stack=rel") == []
    assert "nothing was released yet" in up.run("history").stdout
