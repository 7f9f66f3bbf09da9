"""Start, find and end the cluster's processes.

A process is recognised by two variables in its environment (which component it is, and a fingerprint of how it was
started) together with its program's path. There are no pid files: nothing to go stale after a reboot, no gap between
starting a process and writing its number down, and a reused process number is never mistaken for ours.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

NAME_VARIABLE = "SLIPWAY_COMPONENT"
FINGERPRINT_VARIABLE = "SLIPWAY_FINGERPRINT"
# A log bigger than this is emptied when its component starts, and by each `up`.
LOG_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True)
class Component:
    """A process of the cluster: how it is started and how one sees that it works.

    `files` are what it reads at start; a change in one of them makes the next `up` restart it. `healthy` makes a real
    request and says what is wrong, or None. `patience` is how many seconds a start may take; one that runs already
    gets `second_chance` seconds to answer before it counts as hanging and is restarted.
    """

    name: str
    command: tuple[str, ...]
    healthy: Callable[[], str | None]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    files: tuple[Path, ...] = ()
    patience: float = 60.0
    second_chance: float = 5.0

    @property
    def fingerprint(self) -> str:
        """Changes with the command, the environment and the content of `files`."""
        digest = hashlib.sha256()
        for part in (*self.command, *(f"{k}={v}" for k, v in sorted(self.environment.items()))):
            digest.update(part.encode() + b"\0")
        for path in self.files:
            digest.update(path.read_bytes() if path.is_file() else b"-")
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Process:
    """A running process of ours."""

    pid: int
    component: str
    fingerprint: str
    main: bool
    """False for a child that inherited the variables (a container's shim, a helper)."""


def find(proc: Path = Path("/proc")) -> list[Process]:
    """All running processes that carry our variables, by process number.

    Those of another cluster, in a container of this machine that has processes of its own, are not among them.
    """
    found: list[Process] = []
    own = (proc / "self" / "ns" / "pid").readlink()
    for directory in proc.iterdir():
        if not directory.name.isdigit():
            continue
        try:
            content = (directory / "environ").read_bytes()
            if NAME_VARIABLE.encode() not in content:
                continue
            if (directory / "ns" / "pid").readlink() != own:
                continue
            variables = dict(item.split(b"=", 1) for item in content.split(b"\0") if b"=" in item)
            arguments = (directory / "cmdline").read_bytes().split(b"\0")
            # Field 6 of stat is the session; the name in field 2 may itself hold spaces and brackets.
            session = int((directory / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[3])
        except (OSError, ValueError):
            continue  # ended meanwhile, or not ours to read
        name = variables.get(NAME_VARIABLE.encode(), b"").decode()
        pid = int(directory.name)
        if name and pid != os.getpid():
            main = (
                session == pid
                and Path(os.fsdecode(arguments[0])).name == variables.get(b"SLIPWAY_PROGRAM", b"").decode()
            )
            found.append(Process(pid, name, variables.get(FINGERPRINT_VARIABLE.encode(), b"").decode(), main))
    return sorted(found, key=lambda process: process.pid)


def main_process(name: str) -> Process | None:
    """The running process of the component `name`, or None."""
    return next((process for process in find() if process.component == name and process.main), None)


def start(component: Component, log: Path) -> subprocess.Popen[bytes]:
    """Start `component` in a session of its own, its output appended to `log` (mode 0600).

    Raises:
        LocalError: the program cannot be started at all.
    """
    trim(log)
    environment = {
        **component.environment,
        NAME_VARIABLE: component.name,
        FINGERPRINT_VARIABLE: component.fingerprint,
        "SLIPWAY_PROGRAM": Path(component.command[0]).name,
    }
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            component.command,
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
            # Not the caller's: directories that containers see are made with it.
            umask=0o022,
        )
    except OSError as error:
        raise LocalError(f"{component.name} cannot be started: {component.command[0]}: {error.strerror}") from None
    finally:
        os.close(descriptor)


def stop(pids: Iterable[int], grace: float = 10.0) -> None:
    """End the processes: asked first, killed after `grace` seconds. Returns when all are gone."""
    waiting = {pid: _start_time(pid) for pid in pids}
    for sent, limit in ((signal.SIGTERM, grace), (signal.SIGKILL, 10.0)):
        waiting = {pid: started for pid, started in waiting.items() if started and _start_time(pid) == started}
        for pid in waiting:
            _send(pid, sent)
            if sent == signal.SIGTERM:
                _send(pid, signal.SIGCONT)  # a stopped process would not see it
        deadline = time.monotonic() + limit
        while waiting and time.monotonic() < deadline:
            time.sleep(0.02)
            for pid in waiting:
                _reap(pid)
            waiting = {pid: started for pid, started in waiting.items() if _start_time(pid) == started}
    if waiting:
        raise LocalError(f"the processes {', '.join(map(str, waiting))} do not end, not even killed")


def tail(log: Path, lines: int = 8) -> str:
    """The last lines of a log, indented, for a message."""
    try:
        content = log.read_bytes()[-8192:].decode("utf-8", "replace")
    except OSError:
        return "  (no log)"
    return "\n".join(f"  {line[:400]}" for line in content.splitlines()[-lines:]) or "  (empty log)"


def trim(log: Path) -> None:
    """Empty a log that has grown beyond the limit; its writer appends, so it goes on at the start."""
    if log.is_file() and log.stat().st_size > LOG_LIMIT:
        os.truncate(log, 0)


def _start_time(pid: int) -> str:
    """When the process started, in clock ticks since boot; empty for one that is gone or only waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    except OSError:
        return ""
    return "" if fields[0] in {"Z", "X"} else fields[19]


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _reap(pid: int) -> None:
    """Take the exit status if the process is a child of ours."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
