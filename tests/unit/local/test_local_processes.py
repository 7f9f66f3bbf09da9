"""Starting, recognising, checking and ending processes; with small programs in place of the cluster's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local import processes
from local.errors import LocalError
from local.processes import Component
from local.progress import SilentProgress
from local.supervisor import Supervisor, succeeds

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Make = Callable[..., Component]

SERVER = """
import pathlib, signal, sys, time
{first}
pathlib.Path({flag!r}).write_text("up")
time.sleep(600)
"""


@pytest.fixture
def name(monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """A component's name of this test's own; what is left of it is ended. Marked by another variable, so that a cluster
    on this machine and this test do not see each other."""
    monkeypatch.setattr(processes, "NAME_VARIABLE", "SLIPWAY_TEST_COMPONENT")
    unique = f"test-{uuid.uuid4().hex[:8]}"
    yield unique
    processes.stop((p.pid for p in processes.find() if p.component == unique), grace=0.1)


@pytest.fixture
def component(name: str, tmp_path: Path) -> Make:
    """Makes a component that is healthy as soon as it has written its flag file."""
    flag = tmp_path / "flag"

    def make(first: str = "", **changes: object) -> Component:
        def healthy() -> str | None:
            return None if flag.is_file() else "no flag"

        code = SERVER.format(first=first, flag=str(flag))
        settings: dict[str, object] = {"patience": 30.0, "second_chance": 0.2, **changes}
        return Component(name, (sys.executable, "-c", code), healthy, **settings)  # pyright: ignore[reportArgumentType] - test values

    return make


@pytest.fixture
def supervisor(tmp_path: Path) -> Supervisor:
    return Supervisor(tmp_path)


def running(name: str) -> list[int]:
    return [process.pid for process in processes.find() if process.component == name and process.main]


def test_a_component_is_started_once_and_left_alone(component: Make, name: str, supervisor: Supervisor) -> None:
    assert supervisor.ensure(component(), SilentProgress())
    first = running(name)
    assert not supervisor.ensure(component(), SilentProgress())
    assert running(name) == first
    assert len(first) == 1
    assert os.getsid(first[0]) == first[0]  # Ctrl-C in the terminal does not reach it
    state = supervisor.state(component())
    assert (state.pid, state.problem) == (first[0], None)


def test_another_way_of_starting_restarts_it(
    component: Make, name: str, supervisor: Supervisor, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("one", encoding="utf-8")
    seen: list[int] = []
    for environment, content in (({}, "one"), ({"A": "1"}, "one"), ({"A": "1"}, "two")):
        config.write_text(content, encoding="utf-8")
        assert supervisor.ensure(component(environment=environment, files=(config,)), SilentProgress())
        seen += running(name)
    assert len(set(seen)) == 3


def test_a_killed_and_a_hanging_one_are_replaced(
    component: Make, name: str, supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.ensure(component(), SilentProgress())
    (first,) = running(name)
    os.kill(first, signal.SIGKILL)
    while running(name):
        time.sleep(0.01)
    (tmp_path / "flag").unlink()
    supervisor.ensure(component(), SilentProgress())
    (second,) = running(name)
    (tmp_path / "flag").unlink()  # no longer healthy
    supervisor.ensure(component(), SilentProgress())
    (third,) = running(name)
    assert len({first, second, third}) == 3


def test_one_that_ends_at_once_is_reported_with_its_last_words(
    component: Make, name: str, supervisor: Supervisor
) -> None:
    with pytest.raises(LocalError, match=rf"{name} ended with exit code 3(?s:.*)the port is taken"):
        supervisor.ensure(component("print('the port is taken', flush=True); sys.exit(3)"), SilentProgress())


def test_one_that_never_answers_is_reported_with_what_it_lacks(
    component: Make, name: str, supervisor: Supervisor
) -> None:
    with pytest.raises(LocalError, match=rf"{name} runs but does not work after 1 s: no flag"):
        supervisor.ensure(component("time.sleep(600)", patience=1.0), SilentProgress())


def test_a_program_that_is_missing_is_named(name: str, supervisor: Supervisor) -> None:
    with pytest.raises(LocalError, match="/nowhere/etcd: No such file"):
        supervisor.ensure(Component(name, ("/nowhere/etcd",), lambda: None), SilentProgress())


def test_one_that_ignores_the_request_is_killed(component: Make, name: str, supervisor: Supervisor) -> None:
    supervisor.ensure(component("signal.signal(signal.SIGTERM, signal.SIG_IGN)"), SilentProgress())
    start = time.monotonic()
    supervisor.stop([name], grace=0.3)
    assert running(name) == []
    assert time.monotonic() - start < 9  # seconds: without `grace` it would be given ten


def test_a_stopped_process_ends_on_request(component: Make, name: str, supervisor: Supervisor) -> None:
    supervisor.ensure(component(), SilentProgress())
    os.kill(running(name)[0], signal.SIGSTOP)
    supervisor.stop([name], grace=3)
    assert running(name) == []


def test_children_are_told_from_the_component_itself(component: Make, name: str, supervisor: Supervisor) -> None:
    child = "import subprocess; subprocess.Popen(['sleep', '600'])"
    supervisor.ensure(component(child), SilentProgress())
    found = [process for process in processes.find() if process.component == name]
    assert sorted(process.main for process in found) == [False, True]


def test_somebody_elses_process_is_never_ours() -> None:
    other = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        assert other.pid not in {process.pid for process in processes.find()}
    finally:
        other.kill()
        other.wait()


def test_a_process_in_a_container_is_never_ours(name: str) -> None:
    """A cluster inside a container of this machine is another one, though its processes are seen from here."""
    environment = {**os.environ, processes.NAME_VARIABLE: name, "SLIPWAY_PROGRAM": "sleep"}
    command = ["unshare", "--pid", "--fork", "--kill-child", "setsid", "sleep", "600"]
    if os.geteuid() != 0:
        command.insert(1, "--map-root-user")
    outside = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        children = Path(f"/proc/{outside.pid}/task/{outside.pid}/children")
        end = time.monotonic() + 10
        while not (inside := children.read_text(encoding="ascii").split()) and time.monotonic() < end:
            time.sleep(0.02)
        if outside.poll() is not None or not inside:
            pytest.skip("no process namespace can be made here")
        # While a program is being loaded the file is empty.
        environ = Path(f"/proc/{inside[0]}/environ")
        while processes.NAME_VARIABLE.encode() not in environ.read_bytes() and time.monotonic() < end:
            time.sleep(0.02)
        assert processes.NAME_VARIABLE.encode() in environ.read_bytes()
        assert int(inside[0]) not in {process.pid for process in processes.find()}
    finally:
        outside.kill()
        outside.wait()


def test_logs_are_private_and_do_not_grow_without_end(
    component: Make, name: str, supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / f"{name}.log"
    log.write_bytes(b"x" * 1000)
    log.chmod(0o600)
    monkeypatch.setattr(processes, "LOG_LIMIT", 999)
    supervisor.ensure(component("print('hello', flush=True)"), SilentProgress())
    assert log.read_text(encoding="utf-8") == "hello\n"
    assert log.stat().st_mode & 0o077 == 0


def test_a_cancelled_wait_ends_at_once(component: Make, supervisor: Supervisor) -> None:
    supervisor.cancelled.set()
    start = time.monotonic()
    with pytest.raises(LocalError):
        supervisor.ensure(component("time.sleep(600)", patience=60), SilentProgress())
    assert time.monotonic() - start < 30


def test_a_command_as_health_check() -> None:
    assert succeeds(["true"], {"PATH": "/bin:/usr/bin"}) is None
    assert succeeds(["sh", "-c", "echo broken >&2; exit 1"], {"PATH": "/bin:/usr/bin"}) == "broken"
    assert succeeds(["sleep", "9"], {"PATH": "/bin:/usr/bin"}, timeout=0.1) == "no answer within 0 s"
