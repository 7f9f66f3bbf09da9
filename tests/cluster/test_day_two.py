"""Owner and lifecycle changed there and back on a stack with stores of every kind: no write and no volume is lost."""

from __future__ import annotations

import time
import urllib.parse
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import footprint, live
from tests.support.writers import MariaStore, PostgresStore, RedisStore, TodoStore, Writer, address, json_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.live import LiveStack
    from tests.support.writers import Store

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

PORT = 30890
FLIPS: tuple[dict[str, str], ...] = (
    {"slipway:lifecycle": "durable"},
    {"slipway:owner": "another-team"},
    {"slipway:lifecycle": "ephemeral", "slipway:owner": "slipway"},
    {"slipway:lifecycle": "durable"},
)
STORES = {"cotoami": (PostgresStore, RedisStore), "example-app": (MariaStore,), "todo": (TodoStore,)}


def settings() -> dict[str, Any]:
    """Every kind of store, and little else."""
    small = {"cpu": "10m", "memory": "128Mi"}
    return {
        "slipway:clusters": {
            "local": {"kind": "embedded", "monitoring": {"grafanaNodePort": PORT, "prometheusNodePort": PORT + 1}}
        },
        "slipway:apps": {
            "cotoami": {"cluster": "local", "replicas": 1, "nodePort": PORT + 2, "maildevNodePort": PORT + 3},
            "example-app": {"cluster": "local", "replicas": 1, "nodePort": PORT + 4},
            "todo": {"cluster": "local", "standIn": True, "nodePort": PORT + 5, "resources": small},
        },
    }


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """The stack, up as an ephemeral one; gone by the documented two steps. Dev makes room: the node has one port for a
    node-exporter."""
    dev = live.LiveStack("dev", live.PROJECT)
    was_up = bool(dev.objects("namespaces"))
    if was_up:
        dev.run("down", timeout=900)
    with footprint.own(tmp_path_factory.mktemp("day"), "day", PORT, settings()) as made:
        made.run("up", timeout=900)
        yield made
        made.settings({"slipway:lifecycle": "ephemeral"})
        made.run("up", timeout=900)
    if was_up:
        dev.run("up", timeout=900)


def volumes(stack: LiveStack) -> dict[str, tuple[str, str]]:
    """Claim to its own identity and its volume's name."""
    return {
        f"{claim['metadata']['namespace']}/{claim['metadata']['name']}": (
            claim["metadata"]["uid"],
            claim["spec"]["volumeName"],
        )
        for namespace in stack.objects("namespaces")
        for claim in live.get("persistentvolumeclaims", "-n", namespace["metadata"]["name"])
    }


def sets(stack: LiveStack) -> dict[str, str]:
    """StatefulSet to its identity: one that is made anew has another."""
    return {
        s["metadata"]["namespace"] + "/" + s["metadata"]["name"]: s["metadata"]["uid"] for s in stack.objects("sts")
    }


def fates(stack: LiveStack) -> set[str]:
    """What becomes of claims when their StatefulSets are deleted."""
    return {s["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] for s in stack.objects("sts")}


def samples(moment: float) -> int:
    """How many targets Prometheus remembers to have scraped at a moment."""
    query = urllib.parse.urlencode({"query": "up", "time": f"{moment:.0f}"})
    url = f"http://{address('day-monitoring', 'prometheus')}:9090/api/v1/query?{query}"
    return len(json_at(url)["data"]["result"])


def test_owner_and_lifecycle_there_and_back(stack: LiveStack) -> None:
    claims, controllers, lifecycle = volumes(stack), sets(stack), "ephemeral"
    assert len(claims) == 5
    live.wait_for(lambda: samples(time.time()), 90, "a first scrape")
    moment = time.time()
    stores: list[Store] = [make(f"day-{system}") for system, kinds in STORES.items() for make in kinds]
    with ExitStack() as running:
        writers = [running.enter_context(Writer(store)) for store in stores]
        for flip in FLIPS:
            for writer in writers:
                writer.progress(seconds=180)
            stack.settings(flip)
            stack.run("up", timeout=900)
            # The same claims on the same volumes, and the same controllers: changed in place.
            assert volumes(stack) == claims
            assert sets(stack) == controllers
            # What becomes of a claim when its StatefulSet goes follows the lifecycle, though its labels never change.
            lifecycle = flip.get("slipway:lifecycle", lifecycle)
            assert fates(stack) == {"Retain" if lifecycle == "durable" else "Delete"}
            (namespace,) = live.get("namespace", "day-cotoami")
            labels = namespace["metadata"]["labels"]
            assert {
                f"slipway:{key}": labels[f"slipway.dev/{key}"] for key in ("lifecycle", "owner")
            }.items() >= flip.items()
        for writer in writers:
            writer.progress(seconds=180)
    for writer in writers:
        assert writer.missing() == set(), writer.store.pod
    assert samples(moment) > 0


def test_a_durable_stack_is_not_removed_by_mistake(stack: LiveStack) -> None:
    stack.settings({"slipway:lifecycle": "durable"})
    stack.run("up", timeout=900)
    claims = volumes(stack)
    done = stack.run("down", check=False)
    assert done.returncode == 1
    assert "durable" in done.stderr
    assert volumes(stack) == claims
