"""Two runs on one stack: only one works, and the other says who does."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ops.engines import lock
from ops.errors import RefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from ops.kube import Kubectl
    from tests.support.programs import FakeProgram

_HOLD = """
import sys, time, pathlib
from ops.engines.lock import file_locks
from ops.kube import Access, Kubectl
with file_locks("dev", [Kubectl(pathlib.Path("kubectl"), "local", Access(None, "test"))], "up"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder() -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", _HOLD], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_run_is_refused_and_told_who(
    holder: subprocess.Popen[str], kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_PATIENCE_S", 0.3)
    try:
        with pytest.raises(RefusedError) as caught, lock.file_locks("dev", [kubectl], "down"):
            pass
    finally:
        holder.kill()
        holder.wait()
    told = str(caught.value)
    assert f"process {holder.pid}, slipway up, since 2" in told
    assert "stack dev is being worked on" in told


def test_another_stack_is_free(holder: subprocess.Popen[str], kubectl: Kubectl) -> None:
    try:
        with lock.file_locks("other", [kubectl], "up"):
            pass
    finally:
        holder.kill()
        holder.wait()


def test_a_killed_run_leaves_no_lock(
    holder: subprocess.Popen[str], kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_PATIENCE_S", 0)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with lock.file_locks("dev", [kubectl], "up"):
        pass


def test_one_run_may_lock_two_entries_of_one_cluster(kubectl: Kubectl) -> None:
    with lock.file_locks("dev", [kubectl, kubectl], "up"):
        pass


def lease(file: str, age: float) -> dict[str, Any]:
    renewed = datetime.now(UTC) - timedelta(seconds=age)
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "slipway-dev", "resourceVersion": "5", "annotations": {"slipway.dev/lock-file": file}},
        "spec": {
            "holderIdentity": "ada@elsewhere, process 7, slipway up",
            "leaseDurationSeconds": 60,
            "acquireTime": "then",
            "renewTime": renewed.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }


@pytest.fixture(autouse=True)
def _home_is_there(fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("get namespaces slipway", [lock.HOME])
    fake_kubectl.on("apply", [lock.HOME])


def hold(kubectl: Kubectl) -> None:
    with lock.lease(kubectl, "dev", "up", make_home=True):
        pass


def test_a_free_lease_is_made_and_given_back(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("create -f -|delete")
    hold(kubectl)
    made = next(json.loads(call.stdin) for call in fake_kubectl.calls if "create" in call.arguments)
    assert "slipway up" in made["spec"]["holderIdentity"]
    assert "delete lease.coordination.k8s.io/slipway-dev -n slipway" in fake_kubectl.calls[-1].line


def test_a_lease_of_another_machine_is_respected(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("create -f -", err='Error from server (AlreadyExists): "slipway-dev" already exists', code=1)
    fake_kubectl.on("get leases", [lease("another-boot:/x", age=5)])
    with pytest.raises(RefusedError, match="ada@elsewhere, process 7, slipway up"):
        hold(kubectl)


@pytest.mark.parametrize("kind", ["old", "ours"])
def test_a_dead_lease_is_taken_over(kind: str, kubectl: Kubectl, fake_kubectl: FakeProgram, tmp_path: Path) -> None:
    assert tmp_path.is_dir()
    fake_kubectl.on("create -f -", err='Error from server (AlreadyExists): "slipway-dev" already exists', code=1)
    fake_kubectl.on("replace|delete")
    if kind == "old":
        found = lease("another-boot:/x", age=120)
    else:
        # Made by a run of this machine that was killed: its file lock is ours now.
        fake_kubectl.on("create -f -")
        hold(kubectl)
        made = next(json.loads(call.stdin) for call in fake_kubectl.calls if "create" in call.arguments)
        own = made["metadata"]["annotations"]["slipway.dev/lock-file"]
        fake_kubectl.on("create -f -", err='Error from server (AlreadyExists): "slipway-dev" already exists', code=1)
        found = lease(own, age=1)
    fake_kubectl.on("get leases", [found])
    hold(kubectl)
    (replaced,) = [call for call in fake_kubectl.calls if "replace" in call.arguments]
    assert json.loads(replaced.stdin)["metadata"]["resourceVersion"] == "5"


def test_a_removal_needs_no_namespace_and_makes_none(kubectl: Kubectl, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("get namespaces slipway", [])
    with lock.lease(kubectl, "dev", "down", make_home=False):
        pass
    assert [call.arguments[1] for call in fake_kubectl.calls] == ["get"]
