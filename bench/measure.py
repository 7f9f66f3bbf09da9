"""Takes the times: processes with their wall time, CPU time and peak memory, in alternating order."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")
DROPPED = ("PYTHONDONTWRITEBYTECODE", "KUBE_CONTEXT", "KUBECONFIG")
"""Variables that the measured processes do not get: without compiled modules every start would compile the SDKs."""


class BenchError(Exception):
    """A measured command failed; the message has its last words."""


@dataclass(frozen=True)
class Sample:
    """One run of a process and all it started.

    Attributes:
        wall: Seconds.
        cpu: Seconds of CPU, user and system.
        peak: Largest memory of one process, in MiB.
        output: What it wrote to standard output.
        errors: What it wrote to standard error.
    """

    wall: float
    cpu: float
    peak: float
    output: str = ""
    errors: str = ""


@dataclass(frozen=True)
class Row:
    """A line of the results: what we take beside what the other way takes.

    Attributes:
        part: The part of the benchmark.
        what: What was measured.
        unit: Unit of the values.
        ours: A value per run.
        theirs: The same for what it is compared with; empty where there is nothing.
        against: What it is compared with.
        aim: Largest good ratio; None where there is no aim.
        note: What must be known to read it.
    """

    part: str
    what: str
    unit: str
    ours: list[float]
    theirs: list[float] = field(default_factory=list[float])
    against: str = ""
    aim: float | None = None
    note: str = ""

    @property
    def median(self) -> float:
        """Median of our values."""
        return statistics.median(self.ours)

    @property
    def other(self) -> float | None:
        """Median of the other values."""
        return statistics.median(self.theirs) if self.theirs else None

    @property
    def ratio(self) -> float | None:
        """Ours by theirs."""
        return self.median / self.other if self.other else None

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None where there is none, or nothing to compare."""
        return None if self.aim is None or self.ratio is None else self.ratio <= self.aim

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "median": self.median, "other": self.other, "ratio": self.ratio, "met": self.met}


def say(text: str) -> None:
    """Tell a person on standard error what is going on."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {text}\n")
    sys.stderr.flush()


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a measured process."""
    kept = {key: value for key, value in os.environ.items() if key not in DROPPED}
    return {**kept, **(extra or {})}


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    good: Sequence[int] = (0,),
    timeout: float = 900,
) -> Sample:
    """Run a command to its end and measure it, its children included.

    Args:
        command: Program and arguments.
        cwd: Its working directory.
        env: Its whole environment; None for this process's, as `environment` makes it.
        stdin: Its standard input.
        good: Exit codes that are no failure (`kubectl diff` ends with 1 when something differs).
        timeout: Seconds after which it is killed.

    Raises:
        BenchError: It ended with another code, or not in time.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as given:
        if stdin is not None:
            given.write(stdin.encode())
            given.seek(0)
        told, tell = os.pipe()
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(tell), *command],
                cwd=cwd,
                env=dict(env) if env is not None else environment(),
                stdin=given,
                stdout=out,
                stderr=err,
                pass_fds=[tell],
                process_group=0,
            )
        finally:
            os.close(tell)
        usage = _usage(process, told, timeout)
        out.seek(0)
        err.seek(0)
        output, errors = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if usage is None:
        raise BenchError(f"{_short(command)} did not end within {timeout:.0f} s")
    if usage.code not in good:
        last = "\n".join((errors or output).strip().splitlines()[-12:])
        raise BenchError(f"{_short(command)} ended with {usage.code}:\n{last}")
    return Sample(usage.wall, usage.cpu, usage.peak, output, errors)


class _Usage(NamedTuple):
    code: int
    wall: float
    cpu: float
    peak: float


# What a process has used at most counts what its parent had when it forked, so a small one starts the measured one.
_LAUNCHER = """
import json, os, sys, time
tell, command = int(sys.argv[1]), sys.argv[2:]
os.set_inheritable(tell, False)
started = time.monotonic()
try:
    pid = os.posix_spawnp(command[0], command, os.environ)
except OSError as error:
    sys.exit(f"{command[0]}: {error.strerror}")
_, status, usage = os.wait4(pid, 0)
code, wall = os.waitstatus_to_exitcode(status), time.monotonic() - started
os.write(tell, json.dumps([code, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]).encode())
"""


def _usage(process: subprocess.Popen[bytes], told: int, timeout: float) -> _Usage | None:
    """What a launched command took; None if it did not end in time."""
    with os.fdopen(told, "rb") as pipe:
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        said = pipe.read()
    return _Usage(*json.loads(said)) if said else _Usage(process.returncode, 0.0, 0.0, 0.0)


def _short(command: Sequence[str]) -> str:
    return " ".join(str(word) for word in command)[:160]


def alternate(contenders: Mapping[str, Callable[[], T]], rounds: int, title: str) -> dict[str, list[T]]:
    """Run contenders in turn: ours, theirs, ours, … so that whatever else the machine does meets all of them.

    Args:
        contenders: Name to what runs.
        rounds: How often each.
        title: What is said about it.

    Returns:
        Name to what each run returned.
    """
    found: dict[str, list[T]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name, contender in contenders.items():
            say(f"{title}: {name}, {number + 1} of {rounds}")
            found[name].append(contender())
    return found
