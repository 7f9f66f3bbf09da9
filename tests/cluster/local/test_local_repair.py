"""Whatever happened to the cluster's processes, the next `up` puts it right; with nothing to do it does nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from local import components, processes, readiness
from tests.cluster.local.conftest import fetch, run
from tests.support import faults, live

if TYPE_CHECKING:
    from local.cluster import EmbeddedCluster

pytestmark = pytest.mark.cluster
UP = (sys.executable, "-c", "from local.cli import app; app()", "up")


def test_a_second_up_takes_seconds_and_changes_nothing(machine: EmbeddedCluster) -> None:
    before, pods = faults.pids(), live.kubectl("get", "pods", "-A", "-o", "name").stdout
    start = time.monotonic()
    machine.up()
    assert time.monotonic() - start < 30
    assert faults.pids() == before
    assert set(before) == set(components.NAMES)
    assert live.kubectl("get", "pods", "-A", "-o", "name").stdout == pods


# Three of them are killed under requests in tests/cluster/faults, too.
TWICE = ("kubelet", "containerd", "etcd")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in TWICE else ()) for n in components.NAMES]
)
def test_a_killed_component_is_brought_back(machine: EmbeddedCluster, name: str) -> None:
    before = faults.pids()
    faults.kill(name)
    assert machine.status().phase == "degraded"
    machine.up()
    after = faults.pids()
    assert after[name] != before[name]
    assert {k: v for k, v in after.items() if k != name} == {k: v for k, v in before.items() if k != name}
    status = machine.status()
    assert status.phase == "ready", status
    assert live.kubectl("get", "nodes").returncode == 0


def test_a_component_that_hangs_is_restarted(machine: EmbeddedCluster) -> None:
    before = faults.pids()
    os.kill(before["kube-scheduler"], signal.SIGSTOP)
    machine.up()
    assert faults.pids()["kube-scheduler"] != before["kube-scheduler"]
    status = machine.status()
    assert status.phase == "ready", status


def test_pods_outlive_the_container_runtime(machine: EmbeddedCluster, namespace: str, web_image: str) -> None:
    run("web", namespace, web_image)
    address = live.get("pod", "web", "-n", namespace)[0]["status"]["podIP"]
    os.kill(faults.pids()["containerd"], signal.SIGKILL)
    assert fetch(f"http://{address}:8080/") == "it works\n"
    machine.up()
    assert fetch(f"http://{address}:8080/") == "it works\n"
    status = live.get("pod", "web", "-n", namespace)[0]["status"]
    assert status["containerStatuses"][0]["restartCount"] == 0


def test_status_of_a_dead_kubelet_is_not_taken_from_the_past(machine: EmbeddedCluster) -> None:
    """What the API calls running is compared with the container runtime."""
    for pod in live.get("pods", "-A"):
        for _, container in readiness.believed_running(pod):
            assert len(container) == 64
    assert machine.status().node_ready


# Not much earlier: the interpreter itself still starts then, and nothing was done yet.
DELAYS = (0.8, 1.5, 2.5, 3.5, 5.0)
OFTEN = [(number, delay) for number in (signal.SIGINT, signal.SIGKILL) for delay in DELAYS]
ALWAYS = [(signal.SIGINT, 2.5), (signal.SIGKILL, 1.5)]


@pytest.mark.parametrize(
    ("number", "delay"), [pytest.param(*c, marks=() if c in ALWAYS else pytest.mark.slow) for c in OFTEN]
)
def test_an_interrupted_up_is_continued(machine: EmbeddedCluster, delay: float, number: signal.Signals) -> None:
    machine.down()
    assert machine.status().phase == "stopped"
    assert processes.find() == []
    process = subprocess.Popen(UP, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(delay)
    process.send_signal(number)
    _, words = process.communicate(timeout=30)
    assert "Traceback" not in words
    machine.up()
    status = machine.status()
    assert status.phase == "ready", status
    assert sorted(p.component for p in processes.find() if p.main) == sorted(components.NAMES)


@pytest.mark.slow
def test_two_ups_at_once_both_succeed(machine: EmbeddedCluster) -> None:
    machine.down()
    running = [subprocess.Popen([*UP, "--json"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(2)]
    for process in running:
        _, words = process.communicate(timeout=300)
        assert process.returncode == 0, words
    assert sorted(p.component for p in processes.find() if p.main) == sorted(components.NAMES)
