"""Running the programs that build images: output is kept for the error message, never shown otherwise."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TAIL_LINES = 25


def run(command: Sequence[str], what: str, env: Mapping[str, str] | None = None, timeout: float = 1800) -> str:
    """Run a command and give back its standard output.

    Args:
        command: program and arguments.
        what: what it does, for the error message ("building image h2o").
        env: variables set besides those of this process.
        timeout: seconds.

    Raises:
        LocalError: the program is missing, fails (with the end of its output) or takes too long.
    """
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise LocalError(f"{what} needs the program {command[0]}, which is not on this machine") from None
    except subprocess.TimeoutExpired:
        raise LocalError(f"{what} was given up after {timeout:.0f} s: {' '.join(command[:3])} … did not end") from None
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).strip().splitlines()[-_TAIL_LINES:]
        raise LocalError(f"{what} failed ({command[0]} ended with {done.returncode}):\n  " + "\n  ".join(lines))
    return done.stdout


def works(command: Sequence[str], env: Mapping[str, str] | None = None, timeout: float = 20) -> bool:
    """Whether the command exists and ends with 0 within `timeout` seconds."""
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
