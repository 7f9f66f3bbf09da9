"""What a store acknowledged is there afterwards, whatever happened to its pod, its node or its revision."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.parse
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import faults, live, soak, writers
from tests.support.faults import Observed
from tests.support.load import Load
from tests.support.writers import MariaStore, PostgresStore, RedisStore, Target, TodoStore, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tests.support.writers import Store

pytestmark = pytest.mark.cluster

TRIES = 2 if soak.ASKED else 1
MAKERS: dict[str, Callable[[], Store]] = {
    "Redis": lambda: RedisStore("guestbook"),
    "PostgreSQL": lambda: PostgresStore("cotoami"),
    "MariaDB": lambda: MariaStore("example-app"),
    "Todos": lambda: TodoStore("todo"),
}


def killed(store: Target | Store) -> None:
    os.kill(faults.container_process(store.namespace, store.pod), signal.SIGKILL)


def deleted(store: Target | Store) -> None:
    live.kubectl("delete", "pod", store.pod, "-n", store.namespace, "--wait=false")


def forced(store: Target | Store) -> None:
    live.kubectl("delete", "pod", store.pod, "-n", store.namespace, "--force", "--grace-period=0", "--wait=false")


def rolled(store: Target | Store) -> None:
    live.kubectl("rollout", "restart", f"statefulset/{store.pod.removesuffix('-0')}", "-n", store.namespace)


FAULTS = {"killed with SIGKILL": killed, "deleted": deleted, "deleted by force": forced, "rolled": rolled}
ALWAYS = ("killed with SIGKILL", "deleted")


@contextmanager
def writing() -> Generator[dict[str, Writer]]:
    """A writer into each store, at work."""
    with ExitStack() as running:
        yield {name: running.enter_context(Writer(make())) for name, make in MAKERS.items()}


def settled(found: dict[str, Writer], story: str, recoveries: dict[str, list[float]], tried: int) -> None:
    """Read back, tell, and assert that nothing is missing."""
    told = [
        Observed(
            f"{name} {story}",
            tried,
            written=len(writer.acknowledged),
            missing=len(writer.missing()),
            recovery_s=recoveries.get(name, []),
        )
        for name, writer in found.items()
    ]
    for observed in told:
        observed.tell()
    assert [observed.fault for observed in told if observed.missing] == []
    assert all(observed.written > 0 for observed in told)


@pytest.mark.parametrize(
    "story", [pytest.param(s, marks=pytest.mark.repeated if s in ALWAYS else pytest.mark.soak) for s in FAULTS]
)
def test_an_acknowledged_write_outlives_its_pod(story: str) -> None:
    recoveries: dict[str, list[float]] = {name: [] for name in MAKERS}
    with writing() as found:
        for writer in found.values():
            writer.progress()
        for _ in range(TRIES):
            uids = {name: uid(writer.store) for name, writer in found.items()}
            for writer in found.values():
                FAULTS[story](writer.store)
            started = time.monotonic()
            for name, writer in found.items():
                store, before = writer.store, uids[name]
                live.wait_for(lambda s=store, b=before: uid(s) not in (None, b), 90, f"{name}'s return")
                writer.progress(5)
                recoveries[name].append(time.monotonic() - started)
    settled(found, story, recoveries, TRIES)


def uid(store: Target | Store) -> str | None:
    """Which run of its container a pod is in; None while none is."""
    for pod in live.get("pod", store.pod, "-n", store.namespace):
        for status in pod["status"].get("containerStatuses", []):
            if "running" in status["state"] and "deletionTimestamp" not in pod["metadata"]:
                return str(status["containerID"])
    return None


@pytest.mark.soak
@pytest.mark.parametrize("story", ["rebooted", "stopped and started"])
def test_an_acknowledged_write_outlives_the_cluster(places: list[str], story: str) -> None:
    recoveries: dict[str, list[float]] = {}
    with writing() as found:
        for writer in found.values():
            writer.progress()
        if story == "rebooted":
            faults.reboot()
        else:
            subprocess.run([str(live.SLIPWAY), "local", "down"], check=True, capture_output=True)
        started = time.monotonic()
        faults.repair()
        for name, writer in found.items():
            writer.progress(5, 180)
            recoveries[name] = [time.monotonic() - started]
    settled(found, f"with its machine {story}", recoveries, 1)
    faults.wait_well(places)


@pytest.mark.slow
@pytest.mark.parametrize("story", ALWAYS)
def test_prometheus_keeps_the_samples_that_it_has_shown(urls: dict[str, str], story: str) -> None:
    url = urls["local-prometheus"]
    store = Target("monitoring", "prometheus-0")

    def samples(until: float) -> dict[str, list[Any]]:
        """Every sample of `up` in the last minutes, by target."""
        query = urllib.parse.urlencode({"query": "up[10m]", "time": f"{until:.3f}"})
        found = writers.json_at(f"{url}/api/v1/query?{query}")["data"]["result"]
        return {f"{series['metric']['job']} {series['metric']['instance']}": series["values"] for series in found}

    live.wait_for(lambda: samples(time.time()), 120, "samples")
    until = time.time()
    shown, before = samples(until), uid(store)
    observed = Observed(f"Prometheus {story}", written=sum(map(len, shown.values())))
    FAULTS[story](store)
    with faults.timed(observed):
        live.wait_for(lambda: uid(store) not in (None, before), 90, "its return")
        live.wait_for(lambda: faults.answers(f"{url}/-/ready"), 120, "its answer")
    after = samples(until)
    observed.missing = sum(1 for name, values in shown.items() for value in values if value not in after.get(name, []))
    observed.tell()
    assert observed.written > 0
    assert observed.missing == 0


@pytest.mark.slow
def test_a_copy_of_redis_answers_only_when_it_has_everything(urls: dict[str, str]) -> None:
    url = f"{urls['guestbook-frontend']}/guestbook.php"
    entry = f"copied-{time.time_ns():x}"
    faults.body(f"{url}?cmd=set&key=messages&value={entry}")
    live.wait_for(lambda: entry in faults.body(f"{url}?cmd=get&key=messages"), 20, "the entry")
    time.sleep(1)
    story = "both copies of Redis replaced, one after the other; reads through the guestbook"
    reads = Load(f"{url}?cmd=get&key=messages", text=entry)
    with faults.unnoticed(story, reads, tried=2) as observed:
        for pod in faults.ready("guestbook", "role=slave"):
            live.kubectl("delete", "pod", pod, "-n", "guestbook", "--wait=false")
            with faults.timed(observed):
                faults.wait_well(["guestbook"])
        time.sleep(2)
