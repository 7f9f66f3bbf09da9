"""Bring a set of components into the wanted state: running, started the wanted way, and answering."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local import processes
from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from local.processes import Component
    from local.progress import Progress

_POLL = 0.05


@dataclass(frozen=True)
class State:
    """What is known of one component. `problem` is None when it runs and answers."""

    name: str
    pid: int | None
    problem: str | None


class Supervisor:
    """Starts, checks and stops components; each logs to `<logs>/<name>.log`."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self.cancelled = threading.Event()
        """Set it and whoever waits here gives up at once."""

    def ensure(self, component: Component, progress: Progress) -> bool:
        """Make `component` run and answer.

        Left alone when it runs as wanted and answers; restarted when it was started in another way (other settings,
        renewed certificates) or does not answer; started when it is not there.

        Returns:
            whether it was started.

        Raises:
            LocalError: it ended or did not answer in time; with the last lines of its log.
        """
        running = [process for process in processes.find() if process.component == component.name and process.main]
        if len(running) == 1 and running[0].fingerprint == component.fingerprint:
            if self._answers(component):
                return False
            progress.note(f"{component.name} (process {running[0].pid}) does not answer; restarting it")
        with progress.step(f"start {component.name}"):
            processes.stop(process.pid for process in running)
            self._start(component)
        return True

    def state(self, component: Component) -> State:
        """What `component` does now, by a real request."""
        process = processes.main_process(component.name)
        if process is None:
            return State(component.name, None, "not running")
        return State(component.name, process.pid, component.healthy())

    def stop(self, names: Iterable[str], grace: float = 10.0) -> None:
        """End the main processes of the named components, all at once."""
        wanted = set(names)
        processes.stop((p.pid for p in processes.find() if p.main and p.component in wanted), grace)

    def _start(self, component: Component) -> None:
        log = self._logs / f"{component.name}.log"
        process = processes.start(component, log)
        deadline = time.monotonic() + component.patience
        problem = "it did not answer"
        while time.monotonic() < deadline and not self.cancelled.is_set():
            code = process.poll()
            if code is not None:
                raise LocalError(
                    f"{component.name} ended with exit code {code} right after its start; the end of {log}:\n"
                    f"{processes.tail(log)}"
                )
            problem = component.healthy()
            if problem is None:
                return
            self.cancelled.wait(_POLL)
        raise LocalError(
            f"{component.name} runs but does not work after {component.patience:.0f} s: {problem}; the end of {log}:\n"
            f"{processes.tail(log)}"
        )

    def _answers(self, component: Component) -> bool:
        deadline = time.monotonic() + component.second_chance
        while component.healthy() is not None:
            if time.monotonic() > deadline or self.cancelled.wait(0.2):
                return False
        return True


def succeeds(command: list[str], environment: dict[str, str], timeout: float = 5.0) -> str | None:
    """A health check by a command: None when it exits with 0, else what it said."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=timeout)
        return None if result.returncode == 0 else (result.stderr.strip() or f"exit code {result.returncode}")[:300]
    return f"no answer within {timeout:.0f} s"
