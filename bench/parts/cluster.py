"""The embedded cluster: how long it takes to start, and how much memory it needs."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench import memory
from bench.live import BenchStack, is_embedded, require_cluster
from bench.measure import Row, say
from local.cluster import EmbeddedCluster

if TYPE_CHECKING:
    from collections.abc import Generator

    from bench.plan import Plan

K3S_MIB = 1606 * 1000 / 1024
"""K3s server with embedded etcd and a workload (https://docs.k3s.io/reference/resource-profiling), in MiB."""
_ROUNDS = 3
_SETTLE_S = 20
_APART = ("programs", "control plane and node", "machine and certificates")


class _Steps:
    """A progress that keeps how long each step took."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = {}
        self._lock = threading.Lock()

    @contextmanager
    def step(self, text: str) -> Generator[None]:
        """Time the block."""
        started = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self.taken[text] = self.taken.get(text, 0.0) + time.monotonic() - started

    def note(self, text: str) -> None:
        """Nothing to time."""

    @property
    def whole(self) -> float:
        """What the parts would take one after the other; steps that only hold others do not count."""
        return sum(took for text, took in self.taken.items() if text not in _APART)


def run_part(plan: Plan) -> list[Row]:
    """Start from nothing (where that takes nothing away) and from what is stored; memory idle and with a stack."""
    if not is_embedded():
        require_cluster(embedded=True)
    cluster = EmbeddedCluster()
    cold: list[tuple[float, _Steps]] = []
    absent = cluster.status().phase == "absent"
    if absent or plan.purge:
        for number in range(min(plan.rounds, _ROUNDS)):
            say(f"cold start, {number + 1} of {min(plan.rounds, _ROUNDS)}")
            cluster.purge()
            cold.append(_up(cluster))
    else:
        say("no cold start: there is a cluster, whose data it would take away; BENCH=--purge allows that")
    require_cluster()
    warm: list[tuple[float, _Steps]] = []
    for number in range(min(plan.rounds, _ROUNDS)):
        say(f"warm start, {number + 1} of {min(plan.rounds, _ROUNDS)}")
        cluster.down()
        warm.append(_up(cluster))
    rows = [_row("cold start, programs and images there", cold)] if cold else []
    rows.append(_row("warm start", warm))
    again = [_up(cluster)[0] for _ in range(plan.rounds)]
    rows.append(Row("cluster", "start of what runs already", "s", again))
    return [*rows, *_memory(plan)]


def _up(cluster: EmbeddedCluster) -> tuple[float, _Steps]:
    steps = _Steps()
    started = time.monotonic()
    cluster.up(steps)
    return time.monotonic() - started, steps


def _row(what: str, runs: list[tuple[float, _Steps]]) -> Row:
    slowest = sorted(runs[len(runs) // 2][1].taken.items(), key=lambda step: -step[1])
    note = ", ".join(f"{text} {took:.1f} s" for text, took in slowest if text not in _APART)
    return Row(
        "cluster",
        what,
        "s",
        [took for took, _ in runs],
        [steps.whole for _, steps in runs],
        "its parts' own start times, one after the other",
        note=note,
    )


def _memory(plan: Plan) -> list[Row]:
    say(f"memory without any stack, after {_SETTLE_S} s")
    time.sleep(_SETTLE_S)
    idle = memory.control_plane()
    parts = ", ".join(f"{name} {mib:.0f}" for name, mib in sorted(idle.items(), key=lambda item: -item[1]))
    rows = [
        Row("cluster", "memory of the cluster's processes, idle", "MiB", [sum(idle.values())], note=f"in MiB: {parts}"),
        Row("cluster", "memory of its own pods, idle", "MiB", [memory.pods()], note="DNS, volumes, metrics"),
    ]
    stack = BenchStack.make(plan.folder("cluster"))
    try:
        say("memory with every system of dev")
        stack.slipway("up")
        time.sleep(_SETTLE_S)
        full = sum(memory.control_plane().values())
        against = "what K3s' documentation says of a server with a workload"
        rows.append(Row("cluster", "memory of the cluster's processes, all systems", "MiB", [full], [K3S_MIB], against))
        rows.append(Row("cluster", "memory of all pods, all systems", "MiB", [memory.pods()]))
    finally:
        stack.slipway("down")
        stack.gone()
    return rows
