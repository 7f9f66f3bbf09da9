"""Two runs on one stack on this machine: only one works, and the other says who does."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ops.errors import BusyError
from ops.pulumi import lock
from ops.pulumi.lock import locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HOLD = """
import sys, time
from pathlib import Path
from ops.pulumi.lock import locked
with locked(Path(sys.argv[1]), "dev", "up"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the stack `dev`; who meets it does not wait for long."""
    monkeypatch.setattr(lock, "_PATIENCE_S", 0.3)
    process = subprocess.Popen([sys.executable, "-c", _HOLD, str(project)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_the_second_run_is_refused_and_told_who(holder: subprocess.Popen[str], project: Path) -> None:
    with pytest.raises(BusyError) as caught, locked(project, "dev", "down"):
        pass
    told = str(caught.value)
    assert f"process {holder.pid}, slipway up, since 2" in told
    assert "stack dev is being worked on" in told


@pytest.mark.usefixtures("holder")
def test_another_stack_and_another_backend_are_free(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with locked(project, "other", "up"):
        pass
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///somewhere/else")
    with locked(project, "dev", "up"):
        pass


def test_a_killed_run_leaves_no_lock(holder: subprocess.Popen[str], project: Path) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with locked(project, "dev", "up"):
        pass


def test_one_that_ends_is_waited_for(
    holder: subprocess.Popen[str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed run's children take a moment to end."""
    monkeypatch.setattr(lock, "_PATIENCE_S", 20.0)
    with subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -9 {holder.pid}"]), locked(project, "dev", "up"):
        pass
