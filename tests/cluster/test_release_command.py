"""`slipway release`, `rollback` and `history` on the embedded cluster, under constant requests."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.support import footprint, live, releasing, variants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.live import LiveStack

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

PORT = 31380
ROUNDS = int(os.environ.get("SLIPWAY_TEST_ROUNDS", "2"))


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


def test_three_releases_and_three_broken_images_lose_no_request(up: LiveStack) -> None:
    releasing.three_releases_and_broken_images(up)


def test_going_back_follows_the_history(up: LiveStack) -> None:
    releasing.back_and_back_again(up)


def test_a_release_changes_this_app_alone(up: LiveStack) -> None:
    releasing.only_this_app(up)


@pytest.mark.slow
def test_a_killed_release_converges(up: LiveStack) -> None:
    releasing.killed_at_any_moment(up, ROUNDS, 6.0)


@pytest.mark.slow
def test_a_release_in_a_fresh_clone_leaves_the_rest_as_it_is(
    up: LiveStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first, second = releasing.tags("c", 2)
    for tag in (first, second):
        variants.good(tag)
    up.run("release", releasing.APP, "--image-tag", first)
    # The clone has the backend, and its file still says revision 1: what counts as the tag before is what runs.
    clone = live.make(tmp_path_factory.mktemp("clone") / "project", "rel", "rel", PORT, **up.environment)
    assert f"h2o-example: {first}, released" in clone.run("preview").stderr
    assert [entry["to"] for entry in releasing.entries(clone)][:1] == [first]
    told = json.loads(clone.run("release", releasing.APP, "--image-tag", second, "--json").stdout)
    assert (told["from"], told["to"], told["file"]) == (first, second, "Pulumi.rel.yaml")
    assert releasing.body(clone) == f"Served by h2o, release {second}"
    releasing.clean(clone)


@pytest.mark.slow
@pytest.mark.parametrize("tag", ["12345e67", "0o17", "0123456"])
def test_a_tag_that_looks_like_a_number_is_one(up: LiveStack, tag: str) -> None:
    variants.good(tag)
    up.run("release", releasing.APP, "--image-tag", tag)
    assert releasing.body(up) == f"Served by h2o, release {tag}"
    releasing.clean(up)


def test_an_image_is_built_tested_pushed_and_released(up: LiveStack) -> None:
    (tag,) = releasing.tags("built", 1)
    done = up.run("release", releasing.APP, "--image-tag", tag, "--build")
    assert f"runs {tag} (before: 1)" in done.stdout
    assert releasing.body(up) == "Served by h2o"
    assert json.loads(up.run("history", "--json").stdout)[0]["digests"] == {
        f"localhost:5000/h2o:{tag}": variants.digest(tag)
    }


def test_the_history_is_pulumis_and_goes_with_the_stack(up: LiveStack) -> None:
    (tag,) = releasing.tags("d", 1)
    variants.good(tag)
    up.run("release", releasing.APP, "--image-tag", tag)
    assert f"Message: release {releasing.APP}: 1 → {tag} by " in up.run("pulumi", "--", "stack", "history").stdout
    up.run("down")
    assert live.get("configmaps,namespaces", "-A", "-l", "slipway.dev/stack=rel") == []
    assert "nothing was released yet" in up.run("history").stdout
