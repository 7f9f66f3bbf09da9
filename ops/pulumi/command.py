"""Pulumi's CLI as a child that ends with us and that can be stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from ops.child import guard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ops.pulumi.cli import Cli

# Ends with us, whatever ends us, and takes along what Pulumi had started: its plugins outlive it for long.
# They are in process groups of their own, but in the session that was made for Pulumi.
_WATCHMAN = """\
import os, sys, time
sys.stdin.buffer.read()
session = int(sys.argv[1])
for _ in range(100):
    found = False
    for name in os.listdir("/proc"):
        try:
            if name.isdigit():
                with open(f"/proc/{name}/stat", "rb") as stat:
                    fields = stat.read().rsplit(b")", 1)[1].split()
                if int(fields[3]) == session and fields[0] != b"Z":
                    found = True
                    os.kill(int(name), 9)
        except OSError:
            pass
    if not found:
        break
    time.sleep(0.05)
"""
# How long Pulumi may take to end what it has begun before it is killed.
_GRACE_S = 30


class StoppableCommand(PulumiCommand):
    """Runs Pulumi in a session of its own, so that Ctrl-C reaches it once and through us. On Linux the kernel kills it
    when we are killed, and a watchman its plugins. The kernel watches the thread that starts it, which waits here."""

    def __init__(self, cli: Cli, drop: tuple[str, ...] = ()) -> None:
        """Bind the CLI, whose version is known already: the base class would run it once more to ask. The variables in
        `drop` do not reach it."""
        self.command = str(cli.path)
        self.version = VersionInfo.parse(cli.version.removeprefix("v"))
        self._cli = cli
        self._drop = drop
        self.variables: dict[str, str] = {}
        self._process: subprocess.Popen[str] | None = None

    def stop(self) -> None:
        """Ask the running call to end; callable from another thread."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], object] | None = None,
        on_error: Callable[[str], object] | None = None,
    ) -> CommandResult:
        """Run the CLI as the base class does; raises CommandError where it ends with an error."""
        environment = {**os.environ, **self._cli.environment, **additional_env, **self.variables}
        environment["PULUMI_AUTOMATION_API"] = "true"
        for name in self._drop:
            environment.pop(name, None)
        process = subprocess.Popen(
            [*guard(), self.command, "--non-interactive", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=environment,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._process = process
        watchman = _watch(process.pid)
        out: list[str] = []
        err: list[str] = []
        readers = [_reader(process.stdout, on_output, out), _reader(process.stderr, on_error, err)]
        try:
            code = process.wait()
        except BaseException:
            _end(process)
            raise
        finally:
            if watchman is not None:
                watchman.communicate()
            for reader in readers:
                reader.join(_GRACE_S)
        result = CommandResult(stdout="\n".join(out), stderr="\n".join(err), code=code)
        if code != 0:
            raise create_command_error(result)
        return result


def _watch(session: int) -> subprocess.Popen[bytes] | None:
    """Start what ends a session of processes as soon as its standard input ends."""
    if not sys.platform.startswith("linux"):
        return None
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _WATCHMAN, str(session)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _reader(stream: IO[str] | None, callback: Callable[[str], object] | None, lines: list[str]) -> threading.Thread:
    def read() -> None:
        for line in stream or ():
            lines.append(line.rstrip())
            if callback is not None:
                callback(line.rstrip())

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_GRACE_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        process.wait()
