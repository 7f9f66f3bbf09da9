"""A run that is asked to end: one line, and the next one goes on. Kills are in test_kills.py."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.support import footprint, live

if TYPE_CHECKING:
    from tests.support.live import LiveStack

pytestmark = pytest.mark.cluster


def test_ctrl_c_is_one_line_and_the_next_up_goes_on(own: LiveStack) -> None:
    clean = footprint.objects(own)
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
    assert own.run("preview").stdout.strip() == "stack own: no changes"
    footprint.as_clean(own, clean)


@pytest.mark.slow
def test_ctrl_c_during_down_and_up_or_down_go_on(own: LiveStack) -> None:
    clean = footprint.objects(own)
    for command in ("up", "down"):
        process = own.start("down")
        live.wait_for(lambda: going(own), 60, "the beginning of the removal")
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        assert process.returncode in (0, 130), told
        own.run(command)
        if command == "up":
            footprint.as_clean(own, clean)
    footprint.as_gone(own)


def going(stack: LiveStack) -> bool:
    """Whether something of the stack is being removed, or is gone."""
    records = stack.releases()
    return not records or records[-1][1] == "uninstalling"
