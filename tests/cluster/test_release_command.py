"""`slipway release`, `rollback` and `history` on the embedded cluster, with Helm's engine, under constant requests."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.support import live, releasing, variants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.live import LiveStack

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

PORT = 31380
ROUNDS = int(os.environ.get("SLIPWAY_TEST_ROUNDS", "2"))


@pytest.fixture(scope="module")
def stack(machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """A stack of these tests' own; gone at the end."""
    assert machine is None
    found = live.make(tmp_path_factory.mktemp("rel") / "project", "rel", "rel", PORT, SLIPWAY_ENGINE="helm")
    with live.alone("rel"):
        found.run("down")
        yield found
        found.run("down")


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
def test_a_released_tag_is_what_helm_goes_back_to(up: LiveStack) -> None:
    (tag,) = releasing.tags("h", 1)
    variants.good(tag)
    up.run("release", releasing.APP, "--image-tag", tag)
    assert [status for _, status in up.releases()].count("deployed") == 1
    # An `up` that fails goes back to what the last release made, not to what stood before it.
    up.settings(nginx={"image": "docker.io/library/nginx:0.0.0-there-is-none"})
    away = {"KUBE_CONTEXT": "slipway", "KUBECONFIG": str(live.paths.KUBECONFIG)}
    assert up.run("up", check=False, env=away).returncode == 1
    assert releasing.body(up) == f"Served by h2o, release {tag}"


@pytest.mark.slow
def test_a_release_in_a_fresh_clone_leaves_the_rest_as_it_is(
    up: LiveStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first, second = releasing.tags("c", 2)
    for tag in (first, second):
        variants.good(tag)
    up.run("release", releasing.APP, "--image-tag", first)
    # The clone's file still says revision 1: what counts as the tag before is what runs.
    clone = live.make(tmp_path_factory.mktemp("clone") / "project", "rel", "rel", PORT, SLIPWAY_ENGINE="helm")
    told = json.loads(clone.run("release", releasing.APP, "--image-tag", second, "--json").stdout)
    assert (told["from"], told["to"], told["file"]) == (first, second, "Pulumi.rel.yaml")
    assert releasing.body(clone) == f"Served by h2o, release {second}"
    releasing.clean(clone)


def test_an_image_is_built_tested_pushed_and_released(up: LiveStack) -> None:
    (tag,) = releasing.tags("built", 1)
    done = up.run("release", releasing.APP, "--image-tag", tag, "--build")
    assert f"runs {tag} (before: 1)" in done.stdout
    assert releasing.body(up) == "Served by h2o"
    assert json.loads(up.run("history", "--json").stdout)[0]["digests"] == {
        f"localhost:5000/h2o:{tag}": variants.digest(tag)
    }


def test_the_history_goes_with_the_stack(up: LiveStack) -> None:
    (tag,) = releasing.tags("d", 1)
    variants.good(tag)
    up.run("release", releasing.APP, "--image-tag", tag)
    assert live.get("configmaps", "slipway-releases-rel", "-n", "slipway")
    up.run("down")
    assert live.get("configmaps", "-A", "-l", "slipway.dev/stack=rel") == []
    assert "nothing was released yet" in up.run("history").stdout
