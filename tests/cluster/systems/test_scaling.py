"""nginx scales by load: a pod more under requests, and one less when they end."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support import live as stacks
from tests.support.running import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.live import LiveStack
    from tests.support.running import RunningStack

pytestmark = pytest.mark.cluster
THREADS = 4
LOAD_SECONDS = 150


@pytest.fixture
def scaled(machine: None, tmp_path: Path) -> Iterator[LiveStack]:
    """A stack of nginx alone, scaled by a low threshold and a short window."""
    assert machine is None
    stack = stacks.make(tmp_path, "scaled", "scaled", 30580)
    settings = stacks.settings("scaled", 30580)
    del settings["slipway:apps"]["h2o-example"]
    nginx = settings["slipway:apps"]["nginx"]
    del nginx["replicas"]
    nginx["resources"] = {"cpu": "10m"}  # little enough for a test that has half a processor to send requests with
    nginx["autoscale"] = {"minReplicas": 1, "maxReplicas": 2, "cpuPercent": 50, "scaleDownSeconds": 15}
    stack.settings(settings)
    stack.run("up")
    yield stack
    stack.run("down")


def _load(url: str, stop: threading.Event) -> None:
    for _ in range(200_000):
        if stop.is_set():
            return
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(url, timeout=5)


def test_load_adds_a_pod_and_takes_it_away(live: RunningStack, scaled: LiveStack) -> None:
    url = str(scaled.apps()["nginx"]["url"])

    def pods() -> int:
        return len(live.pods("scaled-nginx", app="nginx"))

    assert pods() == 1
    stop = threading.Event()
    threads = [threading.Thread(target=_load, args=(url, stop), daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: pods() == 2, seconds=LOAD_SECONDS, every=2)
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=10)
    eventually(lambda: pods() == 1, seconds=LOAD_SECONDS, every=2)
