"""Whatever happened to the cluster's processes, the next `up` puts it right; with nothing to do it does nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local import components, paths, processes, readiness, settings, teardown
from tests.cluster.local.conftest import fetch, restricted_pod, wait_for

if TYPE_CHECKING:
    from local.cluster import EmbeddedCluster
    from tests.cluster.local.conftest import Kubectl

pytestmark = pytest.mark.cluster


def pids() -> dict[str, int]:
    return {process.component: process.pid for process in processes.find() if process.main}


def test_a_second_up_takes_seconds_and_changes_nothing(cluster: EmbeddedCluster, kubectl: Kubectl) -> None:
    before, pods = pids(), kubectl.run("get", "pods", "-A", "-o", "name").stdout
    start = time.monotonic()
    cluster.up()
    assert time.monotonic() - start < 30
    assert pids() == before
    assert set(before) == set(components.NAMES)
    assert kubectl.run("get", "pods", "-A", "-o", "name").stdout == pods


# Three of them are killed under requests in tests/cluster/faults, too.
TWICE = ("kubelet", "containerd", "etcd")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in TWICE else ()) for n in components.NAMES]
)
def test_a_killed_component_is_brought_back(cluster: EmbeddedCluster, kubectl: Kubectl, name: str) -> None:
    before = pids()
    os.kill(before[name], signal.SIGKILL)
    wait_for(lambda: name not in pids(), 5, "its end")
    assert cluster.status().phase == "degraded"
    cluster.up()
    after = pids()
    assert after[name] != before[name]
    assert {k: v for k, v in after.items() if k != name} == {k: v for k, v in before.items() if k != name}
    status = cluster.status()
    assert status.phase == "ready", status
    assert kubectl.run("get", "nodes").returncode == 0


def test_a_component_that_hangs_is_restarted(cluster: EmbeddedCluster) -> None:
    before = pids()
    os.kill(before["kube-scheduler"], signal.SIGSTOP)
    cluster.up()
    assert pids()["kube-scheduler"] != before["kube-scheduler"]
    status = cluster.status()
    assert status.phase == "ready", status


def test_pods_outlive_the_container_runtime(
    cluster: EmbeddedCluster, kubectl: Kubectl, namespace: str, web_image: str
) -> None:
    kubectl.apply(restricted_pod("web", namespace, web_image))
    kubectl.run("-n", namespace, "wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    address = kubectl.get("-n", namespace, "pod", "web")["status"]["podIP"]
    os.kill(pids()["containerd"], signal.SIGKILL)
    assert fetch(f"http://{address}:8080/") == "it works\n"
    cluster.up()
    assert fetch(f"http://{address}:8080/") == "it works\n"
    status = kubectl.get("-n", namespace, "pod", "web")["status"]
    assert status["containerStatuses"][0]["restartCount"] == 0


@pytest.mark.slow
def test_after_a_reboot_pods_and_data_are_back(
    cluster: EmbeddedCluster, kubectl: Kubectl, namespace: str, web_image: str
) -> None:
    """All processes are gone at once, /run is empty, interfaces and rules are gone; the files are still there."""
    kubectl.apply(restricted_pod("web", namespace, web_image))
    kubectl.run("-n", namespace, "wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    kubectl.run("-n", namespace, "create", "configmap", "kept", "--from-literal=key=value")
    for pid in {*(process.pid for process in processes.find()), *teardown.in_our_cgroups()}:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not processes.find() and not teardown.in_our_cgroups(), 10, "the end of all processes")
    subprocess.run(["ip", "link", "delete", settings.BRIDGE], check=True)
    for line in reversed(Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()):
        point = line.split()[4]
        if point.startswith((f"{paths.RUN}/", f"{paths.STATE}/")):
            subprocess.run(["umount", "--lazy", point], check=False)
    shutil.rmtree(paths.RUN, ignore_errors=True)
    cluster.up()
    status = cluster.status()
    assert status.phase == "ready", status
    assert kubectl.run("-n", namespace, "get", "configmap", "kept", "-o", "jsonpath={.data.key}").stdout == "value"

    def answers() -> str | None:
        return fetch(f"http://{kubectl.get('-n', namespace, 'pod', 'web')['status'].get('podIP')}:8080/")

    assert wait_for(answers, 30, "an answer of the pod") == "it works\n"


@pytest.mark.slow
def test_down_and_up_keep_pods_and_data(
    cluster: EmbeddedCluster, kubectl: Kubectl, namespace: str, web_image: str
) -> None:
    kubectl.apply(restricted_pod("web", namespace, web_image))
    kubectl.run("-n", namespace, "wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    cluster.down()
    assert cluster.status().phase == "stopped"
    assert processes.find() == []
    cluster.up()

    def answers() -> str | None:
        return fetch(f"http://{kubectl.get('-n', namespace, 'pod', 'web')['status'].get('podIP')}:8080/")

    assert wait_for(answers, 30, "an answer of the pod") == "it works\n"


def test_status_of_a_dead_kubelet_is_not_taken_from_the_past(cluster: EmbeddedCluster, kubectl: Kubectl) -> None:
    """What the API calls running is compared with the container runtime."""
    for pod in kubectl.get("pods", "-A")["items"]:
        for _, container in readiness.believed_running(pod):
            assert len(container) == 64
    assert cluster.status().node_ready


# Not much earlier: the interpreter itself still starts then, and nothing was done yet.
DELAYS = (0.8, 1.5, 2.5, 3.5, 5.0)
OFTEN = [(number, delay) for number in (signal.SIGINT, signal.SIGKILL) for delay in DELAYS]
ALWAYS = [(signal.SIGINT, 2.5), (signal.SIGKILL, 1.5)]


@pytest.mark.parametrize(
    ("number", "delay"), [pytest.param(*c, marks=() if c in ALWAYS else pytest.mark.slow) for c in OFTEN]
)
def test_an_interrupted_up_is_continued(cluster: EmbeddedCluster, delay: float, number: signal.Signals) -> None:
    cluster.down()
    command = [sys.executable, "-c", "from local.cli import app; app()", "up"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(delay)
    process.send_signal(number)
    _, words = process.communicate(timeout=30)
    assert "Traceback" not in words
    cluster.up()
    status = cluster.status()
    assert status.phase == "ready", status
    assert sorted(p.component for p in processes.find() if p.main) == sorted(components.NAMES)


@pytest.mark.slow
def test_two_ups_at_once_both_succeed(cluster: EmbeddedCluster) -> None:
    cluster.down()
    failures: list[BaseException] = []

    def up() -> None:
        command = [sys.executable, "-c", "from local.cli import app; app()", "up", "--json"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            failures.append(AssertionError(result.stderr))

    threads = [threading.Thread(target=up) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(p.component for p in processes.find() if p.main) == sorted(components.NAMES)
