"""`slipway release`, `rollback` and `history` with Pulumi's engine: same words, same exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import live, releasing, variants

if TYPE_CHECKING:
    from tests.support.live import LiveStack

pytestmark = [pytest.mark.engine, pytest.mark.cluster, pytest.mark.timeout(900)]


def test_three_releases_and_three_broken_images_lose_no_request(up: LiveStack) -> None:
    releasing.three_releases_and_broken_images(up)


def test_going_back_follows_the_history(up: LiveStack) -> None:
    releasing.back_and_back_again(up)


def test_a_release_changes_this_app_alone(up: LiveStack) -> None:
    releasing.only_this_app(up)


def test_a_killed_release_converges(up: LiveStack) -> None:
    releasing.killed_at_any_moment(up, 2, 12.0)


def test_the_history_goes_with_the_stack(up: LiveStack) -> None:
    (tag,) = releasing.tags("d", 1)
    variants.good(tag)
    up.run("release", releasing.APP, "--image-tag", tag)
    up.run("down")
    assert live.get("configmaps,namespaces", "-A", "-l", "slipway.dev/stack=eng") == []
