"""Environments on the embedded cluster: side by side, killed, reaped, and nothing left of them."""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.support import footprint, live, soak, traces
from tests.support.load import Load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.support.traces import Traces

pytestmark = pytest.mark.cluster

# All twenty with SLIPWAY_TEST_SOAK=1, which takes several minutes.
COUNT = 20 if soak.ASKED else 3
KILLS = int(os.environ.get("SLIPWAY_TEST_ROUNDS", "2"))
AT_ONCE = 2
SETTLED_SECONDS = 90
HOST = "debug.example.com"
TEMPLATE = {
    "slipway:clusters": {"local": {"kind": "embedded", "ingress": {"nodePort": 30682}}},
    "slipway:apps": {
        "nginx": {"cluster": "local", "replicas": 1, "nodePort": 30681, "resources": {"cpu": "10m"}},
        "http-debug-server": {"cluster": "local", "replicas": 2, "host": HOST, "resources": {"cpu": "10m"}},
        # It has a volume.
        "todo": {
            "cluster": "local",
            "standIn": True,
            "nodePort": 30687,
            "resources": {"cpu": "10m", "memory": "128Mi"},
        },
    },
}


class Clone:
    """A directory of the project whose one stack, `lesson`, is only a template, and where its state is."""

    def __init__(self, directory: Path, home: Path) -> None:
        self.directory, self.home = directory, home
        self.stack = live.make(directory, "lesson", "lesson", 30680, XDG_DATA_HOME=str(home))
        self.stack.settings(TEMPLATE)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [str(live.SLIPWAY), *arguments]
        output = subprocess.PIPE
        return subprocess.Popen(command, env=self.stack.env(), stdout=output, stderr=output, text=True)

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command; its standard output."""
        return self.end(self.start(*arguments), code=code)

    def end(self, process: subprocess.Popen[str], *, code: int = 0) -> str:
        """Wait for a command; its standard output."""
        out, told = process.communicate(timeout=600)
        assert process.returncode == code, f"{process.args}:\n{out}\n{told}"
        assert "Traceback" not in told
        return out

    def json(self, *arguments: str) -> dict[str, Any]:
        """Run a command with `--json`; what it says."""
        return json.loads(self.run(*arguments, "--json"))

    def environments(self) -> dict[str, dict[str, Any]]:
        """`env list --json` by name."""
        return {entry["name"]: entry for entry in self.json("env", "list")["environments"]}

    def over(self, *names: str) -> None:
        """Let the time of environments be over."""
        for name in names:
            (file,) = (self.home / "slipway/state/.pulumi/stacks").rglob(f"{name}.pulumi-tags")
            document = json.loads(file.read_text(encoding="utf-8"))
            document["tags"]["slipway:expires"] = "2026-01-01T00:00:00Z"
            file.write_text(json.dumps(document), encoding="utf-8")

    def known(self) -> list[str]:
        """What is left of stacks in the state and beside it."""
        home = self.home / "slipway"
        files = [file for file in home.rglob("*") if file.is_file() and "stacks" in file.parts]
        return sorted([*(file.name for file in files), *(folder.name for folder in (home / "work").glob("*"))])

    def create(self, names: Sequence[str], *arguments: str) -> dict[str, dict[str, Any]]:
        """Make environments, a few at a time; what each said, by name."""

        def create(name: str) -> dict[str, Any]:
            return self.json("env", "create", name, "--from", "lesson", *arguments)

        with ThreadPoolExecutor(AT_ONCE) as makers:
            return dict(zip(names, makers.map(create, names), strict=True))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A clone; its environments are gone at the end, whatever the tests did."""
    with live.alone("environments"):
        place = tmp_path_factory.mktemp("environments")
        made = Clone(place / "project", place / "data")
        yield made
        for name in made.environments():
            made.run("env", "delete", name)


@pytest.fixture
def before(project: Clone) -> Iterator[Traces]:
    """What the cluster holds before a test; it must hold the same after it."""
    assert project.environments() == {}
    found = traces.look()
    yield found
    end = time.monotonic() + SETTLED_SECONDS
    while (more := traces.look().more_than(found)) and time.monotonic() < end:
        time.sleep(2)
    assert more == {}
    assert project.known() == []


def url(told: dict[str, Any], app: str) -> str:
    return str(live.by_address(next(entry["url"] for entry in told["apps"] if entry["name"] == app)))


def ask(address: str, host: str) -> int:
    """Status of a request with a host name of its own."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", "/", headers={"Host": host})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.usefixtures("before")
def test_two_side_by_side_do_not_touch_each_other(project: Clone) -> None:
    told = project.create(["one", "two"], "--app", "nginx", "--app", "http-debug-server", "--owner", "ada")
    for name, other in (("one", "two"), ("two", "one")):
        ingress = url(told[name], "http-debug-server")
        assert live.wait_for(lambda at=ingress, host=f"{name}-{HOST}": ask(at, host) == 200, 60, f"{name} answers")
        # Its controller serves its own hosts only, and never the template's.
        assert ask(ingress, f"{other}-{HOST}") == 404
        assert ask(ingress, HOST) == 404
    assert url(told["one"], "nginx") != url(told["two"], "nginx")
    with Load(url(told["two"], "nginx")) as load:
        live.wait_for(lambda: load.requests > 200, 60, "requests")
        known = traces.specifications("two")
        assert len(known) > 40
        project.run("env", "delete", "one")
        assert traces.specifications("one") == {}
        assert traces.specifications("two") == known
        answered = load.requests
        live.wait_for(lambda: load.requests > answered + 200, 60, "requests after the other was removed")
    assert load.failures == []
    assert ask(url(told["two"], "http-debug-server"), f"two-{HOST}") == 200
    assert project.environments()["two"]["ready"] == project.environments()["two"]["apps"] == 4
    project.run("env", "delete", "two")


@pytest.mark.repeated
@pytest.mark.usefixtures("before")
def test_created_and_reaped_in_a_row_they_leave_the_cluster_as_before(project: Clone) -> None:
    names = [f"lesson-{number}" for number in range(COUNT)]
    # One in four has a volume; the others are as small as they come.
    large = names[::4]
    small = [name for name in names if name not in large]
    told = {**project.create(large, "--app", "todo"), **project.create(small, "--app", "nginx")}
    assert all(app["ready"] == app["desired"] for entry in told.values() for app in entry["apps"])
    assert len({app["url"] for entry in told.values() for app in entry["apps"] if app["url"]}) == COUNT
    assert set(project.environments()) == set(names)
    project.over(*names)
    assert all(entry["expired"] for entry in project.environments().values())
    reaped = project.json("env", "reap")
    assert [entry["result"] for entry in reaped["environments"]] == ["removed"] * COUNT
    assert project.environments() == {}
    assert list((project.directory / ".slipway" / "environments").iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("before")
def test_a_fresh_clone_lists_shows_and_removes_what_another_one_made(project: Clone, tmp_path: Path) -> None:
    made = project.create(["ours", "past"], "--app", "nginx", "--owner", "ada")
    fresh = Clone(tmp_path / "project", project.home)
    assert {name: entry["owner"] for name, entry in fresh.environments().items()} == {"ours": "ada", "past": "ada"}
    assert fresh.json("status", "--stack", "ours")["apps"] == made["ours"]["apps"]
    assert fresh.run("preview", "--stack", "ours").strip() == "stack ours: no changes"
    project.over("past")
    shutil.rmtree(fresh.directory / ".slipway")
    assert fresh.json("env", "reap")["environments"] == [{"name": "past", "result": "removed", "why": ""}]
    fresh.run("down", "--stack", "ours")
    assert project.environments() == {}
    # Its file is here still, and nothing is made by it.
    project.run("up", "--stack", "ours", code=1)
    project.run("down", "--stack", "ours")
    shutil.rmtree(project.directory / ".slipway")


@pytest.mark.usefixtures("before")
def test_a_machine_whose_state_is_lost_removes_it_by_its_label(project: Clone, tmp_path: Path) -> None:
    project.create(["far"], "--app", "nginx")
    lost = Clone(project.directory, tmp_path / "data")
    assert "nothing to remove" in Clone(tmp_path / "project", lost.home).run("env", "delete", "far")
    lost.run("down", "--by-label", "--stack", "far")
    assert traces.specifications("far") == {}
    # The state that still knows it is no hindrance.
    project.run("env", "delete", "far")


@pytest.mark.usefixtures("before")
def test_two_at_once_are_no_harm(project: Clone) -> None:
    makers = [project.start("env", "create", "twice", "--from", "lesson", "--app", "nginx") for _ in range(2)]
    told = [process.communicate(timeout=600) for process in makers]
    assert sorted(process.returncode for process in makers) == [0, 1], told
    refused = next(text for process, (_, text) in zip(makers, told, strict=True) if process.returncode)
    assert "is being worked on by" in refused or "is there already" in refused
    project.create(["once"], "--app", "nginx")
    project.over("twice", "once")
    reapers = [project.start("env", "reap", "--json") for _ in range(2)]
    results = [json.loads(project.end(reaper))["environments"] for reaper in reapers]
    said = [entry["result"] for entries in results for entry in entries]
    assert sorted(result for result in said if result == "removed") == ["removed"] * 2
    assert set(said) <= {"removed", "busy", "gone"}
    assert project.environments() == {}


@pytest.mark.slow
@pytest.mark.usefixtures("before")
def test_a_reaper_that_is_killed_leaves_nobody_at_work_and_the_next_one_ends_it(project: Clone) -> None:
    project.create(["one", "two"], "--app", "nginx")
    project.over("one", "two")
    reaper = project.start("env", "reap")
    live.wait_for(lambda: any(" destroy " in line for line in footprint.children(project.stack)), 300, "a removal")
    reaper.kill()
    reaper.communicate()
    live.wait_for(lambda: footprint.children(project.stack) == [], 30, "the end of Pulumi")
    assert [entry["result"] for entry in project.json("env", "reap")["environments"]] == ["removed"] * 2


@pytest.mark.slow
@pytest.mark.usefixtures("before")
def test_a_create_that_is_killed_is_reaped_or_goes_on(project: Clone) -> None:
    seed = time.time_ns()
    dice = random.Random(seed)  # noqa: S311 - moments of a test
    for turn in range(KILLS):
        moment = dice.uniform(1.0, 9.0)
        process = project.start("env", "create", "killed", "--from", "lesson", "--app", "nginx")
        time.sleep(moment)
        process.kill()
        process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), f"seed {seed}, turn {turn}, killed after {moment:.1f} s"
        if turn % 2 and process.returncode:
            project.run("env", "create", "killed", "--from", "lesson", "--app", "nginx")
            assert project.environments()["killed"]["state"] == "ready"
        for file in (project.directory / ".slipway" / "environments").glob("Pulumi.*.yaml"):
            os.utime(file, (0, 0))
        if "killed" in project.environments():
            project.over("killed")
        project.run("env", "reap")
        assert project.environments() == {}, f"seed {seed}, turn {turn}, killed after {moment:.1f} s"
        assert project.known() == [], f"seed {seed}, turn {turn}, killed after {moment:.1f} s"
