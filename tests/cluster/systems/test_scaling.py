"""nginx scales by load: a pod more under requests, and one less when they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import footprint, live
from tests.support.load import Load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.live import LiveStack

pytestmark = pytest.mark.cluster
LOAD_SECONDS = 150


@pytest.fixture
def scaled(tmp_path: Path) -> Iterator[LiveStack]:
    """A stack of nginx alone, scaled by a low threshold and a short window."""
    nginx = {
        "cluster": "local",
        "nodePort": 30581,
        "resources": {"cpu": "10m"},  # little enough for a test that has half a processor to send requests with
        "autoscale": {"minReplicas": 1, "maxReplicas": 2, "cpuPercent": 50, "scaleDownSeconds": 15},
    }
    with footprint.own(tmp_path, "scaled", 30580, {"slipway:apps": {"nginx": nginx}}) as stack:
        stack.run("up")
        yield stack


def test_load_adds_a_pod_and_takes_it_away(scaled: LiveStack) -> None:
    assert len(scaled.pods()) == 1
    with Load(str(scaled.apps()["nginx"]["url"]), fresh_clients=4):
        live.wait_for(lambda: len(scaled.pods()) == 2, LOAD_SECONDS, "a second pod")
    live.wait_for(lambda: len(scaled.pods()) == 1, LOAD_SECONDS, "its end")
