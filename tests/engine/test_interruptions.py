"""A run that is asked to end: one line, and the next one goes on. Kills are in test_kills.py."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.support import footprint, live

if TYPE_CHECKING:
    from tests.support.live import LiveStack

pytestmark = [pytest.mark.engine, pytest.mark.cluster, pytest.mark.usefixtures("machine")]


def begun(stack: LiveStack, revision: str) -> bool:
    """Whether a new revision has reached the cluster."""
    labels = [item["spec"]["template"]["metadata"]["labels"] for item in stack.objects("deployments")]
    return any(found.get("revision") == revision for found in labels)


def test_ctrl_c_is_one_line_and_the_next_up_goes_on(up: LiveStack) -> None:
    clean = footprint.objects(up)
    up.settings(h2o_example={"revision": "c1"})
    process = up.start("up")
    live.wait_for(lambda: begun(up, "c1"), 90, "the beginning of the rollout")
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=90)
    assert process.returncode == 130, told
    assert told.splitlines()[-1] == "interrupted; run the same command again to continue"
    assert "Traceback" not in told
    up.run("up")
    assert up.run("preview").stdout.strip() == "stack eng: no changes"
    footprint.as_clean(up, clean)


@pytest.mark.slow
def test_ctrl_c_during_down_and_up_or_down_go_on(up: LiveStack) -> None:
    clean = footprint.objects(up)
    for command in ("up", "down"):
        process = up.start("down")
        live.wait_for(lambda: footprint.objects(up) < clean, 60, "the beginning of the removal")
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=90)
        assert process.returncode in (0, 130), told
        up.run(command)
        if command == "up":
            footprint.as_clean(up, clean)
    footprint.as_gone(up)


@pytest.mark.slow
def test_a_killed_up_is_told_and_recovered_by_hand_or_by_the_next(up: LiveStack) -> None:
    clean = footprint.objects(up)
    for turn, recover in enumerate((True, False)):
        up.settings(h2o_example={"revision": f"k{turn}"})
        process = up.start("up")
        live.wait_for(lambda turn=turn: begun(up, f"k{turn}"), 90, "the beginning of the rollout")
        # While it works nobody takes its locks away, and nobody takes its changes for drift.
        for command in ("recover", "drift"):
            refused = up.run(command, check=False)
            if process.poll() is None:
                assert refused.returncode == 1
                assert f"process {process.pid}, slipway up" in refused.stderr
        process.kill()
        process.communicate()
        live.wait_for(lambda: not footprint.children(up), 10, "the end of its programs")
        if recover:
            up.run("recover")
            assert "nothing to recover" in up.run("recover").stdout
            footprint.at_rest(up)
        up.run("up")
        footprint.as_clean(up, clean)
        assert up.run("drift").stdout.strip() == "stack eng: no drift"
