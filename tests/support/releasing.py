"""What a release has to do on a cluster."""

from __future__ import annotations

import json
import random
import signal
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import yaml

from tests.support import live, variants
from tests.support.load import Load

if TYPE_CHECKING:
    from tests.support.live import LiveStack

APP = "h2o-example"
# What comes after the last pod is ready: old pods go through their grace period.
SETTLE_SECONDS = 8


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


def three_releases_and_broken_images(stack: LiveStack) -> None:
    """Three releases, then images that crash, answer wrongly and never listen: no request fails."""
    good, (crash, mute, wrong) = tags("r", 3), tags("bad", 3)
    for tag in good:
        variants.good(tag)
    variants.crashing(crash)
    variants.mute(mute)
    variants.wrong(wrong)
    others = [name for name in stack.pods() if name.startswith("nginx")]
    before = stack.apps()[APP]["image"].rpartition(":")[2]
    with Load(stack.apps()[APP]["url"]) as load:
        time.sleep(1)
        for tag in good:
            told = json.loads(stack.run("release", APP, "--image-tag", tag, "--json").stdout)
            assert (told["from"], told["to"], told["result"]) == (before, tag, "released")
            assert body(stack) == f"Served by h2o, release {tag}"
            before = tag
        # The last of the pods before leave their Service only now.
        time.sleep(SETTLE_SECONDS)
        for tag, reason in ((crash, "no configuration found"), (wrong, "GET /auth.json answers without")):
            _fails(stack, tag, before, reason)
        _fails(stack, mute, before, "not ready after 25 s", "--timeout", "25")
        time.sleep(SETTLE_SECONDS)
    assert load.failures == []
    assert all(tally.requests > 500 for tally in [*load.fresh, *load.kept])
    assert body(stack) == f"Served by h2o, release {before}"
    assert [name for name in stack.pods() if name.startswith("nginx")] == others
    settings = yaml.safe_load((stack.directory / f"Pulumi.{stack.name}.yaml").read_text(encoding="utf-8"))
    assert settings["config"]["slipway:apps"][APP]["revision"] == before
    newest = entries(stack)[:6]
    assert [entry["result"] for entry in newest] == ["rolled back"] * 3 + ["released"] * 3
    assert [entry["to"] for entry in newest] == [mute, wrong, crash, *reversed(good)]
    assert all(entry["who"] and entry["seconds"] > 0 and entry["digests"] for entry in newest)
    clean(stack)


def _fails(stack: LiveStack, tag: str, before: str, reason: str, *options: str) -> None:
    done = stack.run("release", APP, "--image-tag", tag, *options, check=False)
    assert done.returncode == 1, done.stdout
    assert reason in done.stderr, done.stderr
    assert f"rolled back to {before}: what ran before runs again" in done.stderr, done.stderr
    app = stack.apps()[APP]
    assert app["image"].endswith(f":{before}")
    assert app["ready"] == app["desired"]


def back_and_back_again(stack: LiveStack) -> None:
    """Going back follows the history; the same tag again is nothing to do; a changed tag is refused."""
    first, second = tags("b", 2)
    for tag in (first, second):
        variants.good(tag)
        stack.run("release", APP, "--image-tag", tag)
    again = stack.run("release", APP, "--image-tag", second)
    assert "nothing to do" in again.stdout
    assert f"runs {first} (before: {second})" in stack.run("rollback", APP).stdout
    assert body(stack) == f"Served by h2o, release {first}"
    clean(stack)
    variants.with_files(first, {"index.html": "Served by somebody else\n"})
    moved = stack.run("release", APP, "--image-tag", first, check=False)
    assert moved.returncode == 1
    assert "has changed in the registry" in moved.stderr
    missing = stack.run("release", APP, "--image-tag", f"none-{second}", check=False)
    assert missing.returncode == 1
    assert "the registry has no" in missing.stderr
    assert body(stack) == f"Served by h2o, release {first}"


def only_this_app(stack: LiveStack) -> None:
    """What else the stack file says by now waits for `up`; what it says of this app is refused and listed."""
    (tag,) = tags("o", 1)
    variants.good(tag)
    stack.settings(nginx={"replicas": 1})
    stack.run("release", APP, "--image-tag", tag)
    assert stack.apps()["nginx"]["desired"] == 2
    told = json.loads(stack.run("preview", "--json").stdout)
    assert [change["name"] for change in told["objects"]] == [f"Deployment {stack.name}-nginx/nginx"]
    stack.settings(h2o_example={"replicas": 3})
    (other,) = tags("o", 1)
    variants.good(other)
    refused = stack.run("release", APP, "--image-tag", other, check=False)
    assert refused.returncode == 1
    assert "spec.replicas: 2 → 3" in refused.stderr
    assert body(stack) == f"Served by h2o, release {tag}"


def killed_at_any_moment(stack: LiveStack, rounds: int, longest: float) -> None:
    """A killed release is put right by `up` (to what the file says) or finished by the next release."""
    seed = time.time_ns()
    dice = random.Random(seed)  # noqa: S311 - moments of a test
    with Load(stack.apps()[APP]["url"]) as load:
        for turn, tag in enumerate(tags("k", rounds)):
            variants.good(tag)
            moment = dice.uniform(0.5, longest)
            code = stack.kill_after(moment, "release", APP, "--image-tag", tag)
            said = f"seed {seed}, turn {turn}, killed after {moment:.1f} s"
            assert code in (0, -signal.SIGKILL), said
            if turn % 2:
                stack.run("up")
            else:
                stack.run("release", APP, "--image-tag", tag)
                assert body(stack) == f"Served by h2o, release {tag}", said
            clean(stack)
        time.sleep(SETTLE_SECONDS)
    assert load.failures == []
