"""Long-running programs that end with us: a killed command leaves no engine working in the dark."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from typing import IO, TYPE_CHECKING

from ops import tools
from ops.errors import OpsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_GRACE_S = 8


def guard() -> list[str]:
    """What to put before a command so that it ends with the thread that starts it, where the kernel can see to that."""
    return ["setpriv", "--pdeathsig", "KILL"] if sys.platform == "linux" and shutil.which("setpriv") else []


def speaking(command: Sequence[str], stderr: int) -> subprocess.Popen[str]:
    """Start a program that is read line by line while it works, in a session of its own.

    Args:
        command: The program and its arguments.
        stderr: Where its complaints go: `subprocess.DEVNULL` or `subprocess.STDOUT`.
    """
    return subprocess.Popen(
        [*guard(), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env=tools.environment(),
        start_new_session=True,
    )


class Child:
    """A program in a session of its own: Ctrl-C reaches only us, and we decide how it ends.

    On Linux the kernel kills it when we are killed. Make it in the main thread: the kernel watches the thread.
    """

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        """Start it; its output is kept in a file without name.

        Raises:
            OpsError: It cannot be started.
        """
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `wait`, lives as long as the child
        try:
            self._process = subprocess.Popen(
                [*guard(), *command],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                env=dict(env) if env is not None else tools.environment(),
                cwd=cwd,
                start_new_session=True,
            )
        except OSError as error:
            raise OpsError(f"{command[0]} cannot be run: {error.strerror}") from None

    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End it: politely, and after some seconds by force."""
        if self.running():
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def wait(self) -> tuple[int, str]:
        """Wait for its end; returns exit code and output."""
        code = self._process.wait()
        self._output.seek(0)
        text = self._output.read().decode("utf-8", "replace")
        self._output.close()
        return code, text
