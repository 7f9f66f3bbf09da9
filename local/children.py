"""Child processes of long work, which all end when it is given up."""

from __future__ import annotations

import shutil
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path


class StoppedError(LocalError):
    """The work was given up, here or by somebody else."""


class Children:
    """The processes that run now, so that a failure or Ctrl-C ends them all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[str]] = set()
        self._stopped = False

    @contextmanager
    def started(
        self, command: Sequence[str], cwd: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> Generator[subprocess.Popen[str]]:
        """A process whose output is one pipe; killed where it outlives the block.

        Raises:
            StoppedError: the work was given up.
        """
        # With the parent killed outright nobody waits for the process: it ends too.
        guard = [setpriv, "--pdeathsig", "TERM", "--"] if (setpriv := shutil.which("setpriv")) else []
        with self._lock:
            if self._stopped:
                raise StoppedError("given up, as other work beside it was")
            process = subprocess.Popen(
                [*guard, *command],
                cwd=cwd,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            self._processes.add(process)
        try:
            with process:
                try:
                    yield process
                finally:
                    if process.poll() is None:
                        process.kill()
        finally:
            with self._lock:
                self._processes.discard(process)

    def run(self, command: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> tuple[int, str]:
        """A process' exit code and its output."""
        with self.started(command, cwd, environment) as process:
            output, _ = process.communicate()
            return process.returncode, output

    def stop(self) -> None:
        """End them, and let none begin."""
        with self._lock:
            self._stopped = True
            for process in self._processes:
                process.terminate()
