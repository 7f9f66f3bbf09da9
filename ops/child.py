"""Long-running programs that end with us: a killed command leaves no engine working in the dark."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from ops import tools

if TYPE_CHECKING:
    from collections.abc import Sequence


def guard() -> list[str]:
    """What to put before a command so that it ends with the thread that starts it, where the kernel can see to that."""
    return ["setpriv", "--pdeathsig", "KILL"] if sys.platform == "linux" and shutil.which("setpriv") else []


def speaking(command: Sequence[str], stderr: int) -> subprocess.Popen[str]:
    """Start a program that is read line by line while it works, in a session of its own."""
    return subprocess.Popen(
        [*guard(), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env=tools.environment(),
        start_new_session=True,
    )
