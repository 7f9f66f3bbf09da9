"""Pulumi's CLI as a child: what it starts ends with us, however we end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from pulumi.automation.errors import CommandError

from ops.pulumi.cli import Cli
from ops.pulumi.command import StoppableCommand

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are watched on Linux only")

# Plays the CLI: a plugin in a process group of its own that outlives it, as Pulumi's do.
CLI = """\
#!{python}
import json, os, subprocess, sys, time
with open({pids!r} + ".environment", "w") as file:
    json.dump(dict(os.environ), file)
plugin = subprocess.Popen(["sleep", "300"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0)
with open({pids!r} + ".new", "w") as file:
    file.write(f"{{os.getpid()}} {{plugin.pid}}")
os.rename({pids!r} + ".new", {pids!r})
print("working", flush=True)
time.sleep(300 if "wait" in sys.argv else 0)
sys.exit(3 if "fail" in sys.argv else 0)
"""
CALL = """\
import sys
from pathlib import Path
from ops.pulumi.cli import Cli
from ops.pulumi.command import StoppableCommand
StoppableCommand(Cli(Path(sys.argv[1]), "v3.229.0", "", {})).run(["wait"], ".", {})
"""


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    return tmp_path / "pids"


@pytest.fixture
def cli(tmp_path: Path, pids: Path) -> Cli:
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(CLI.format(python=sys.executable, pids=str(pids)), encoding="utf-8")
    program.chmod(0o755)
    return Cli(program, "v3.229.0", "", {"PATH": os.environ["PATH"], "FROM_THE_CLI": "1"})


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def ended(pids: Path, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while any(alive(int(pid)) for pid in pids.read_text(encoding="ascii").split()):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_leaves_neither_the_cli_nor_its_plugins(cli: Cli, pids: Path, sign: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", CALL, str(cli.path)], env=dict(os.environ)) as process:
        end = time.monotonic() + 30
        while not pids.exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        process.send_signal(sign)
    assert process.returncode == -sign
    assert ended(pids)


def test_a_run_that_ends_or_fails_leaves_no_plugin(cli: Cli, pids: Path, tmp_path: Path) -> None:
    result = StoppableCommand(cli).run(["up"], str(tmp_path), {})
    assert (result.code, result.stdout) == (0, "working")
    assert ended(pids, 0)
    pids.unlink()
    with pytest.raises(CommandError):
        StoppableCommand(cli).run(["fail"], str(tmp_path), {})
    assert ended(pids, 0)


def test_what_reaches_it(cli: Cli, pids: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of the CLI, of the stack, and of this run; not those that would be another stack's."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "the shell's")
    command = StoppableCommand(cli, ("PULUMI_CONFIG_PASSPHRASE",))
    command.variables["FOR_THIS_RUN"] = "1"
    command.run(["up"], str(tmp_path), {"OF_THE_STACK": "1"})
    given = json.loads(pids.with_suffix(".environment").read_text(encoding="utf-8"))
    assert {"FROM_THE_CLI", "OF_THE_STACK", "FOR_THIS_RUN"} <= set(given)
    assert "PULUMI_CONFIG_PASSPHRASE" not in given
    assert "FOR_THIS_RUN" not in os.environ


def test_one_that_is_asked_to_stop_ends_within_its_grace(cli: Cli, pids: Path, tmp_path: Path) -> None:
    command = StoppableCommand(cli)
    threading.Timer(1.0, command.stop).start()
    with pytest.raises(CommandError):
        command.run(["wait"], str(tmp_path), {})
    assert ended(pids, 0)
