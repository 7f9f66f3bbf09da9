"""Generated credentials on a running cluster: nowhere in clear, the same in each run, and replaced while apps serve."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local import paths
from tests.support import footprint, live
from tests.support.load import Load

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.support.live import LiveStack

pytestmark = pytest.mark.cluster

SETTINGS: dict[str, Any] = {
    "slipway:apps": {
        "cotoami": {
            "cluster": "local",
            "replicas": 2,
            "nodePort": 30871,
            "resources": {"cpu": "10m", "memory": "128Mi"},
        },
        "example-app": {
            "cluster": "local",
            "replicas": 2,
            "nodePort": 30872,
            "resources": {"cpu": "10m", "memory": "256Mi", "memoryLimit": "384Mi"},
        },
    },
}
GENERATED = {
    "sec-cotoami/postgres-credential/password",
    "sec-cotoami/cotoami-keys/secret-key-base",
    "sec-example-app/mariadb-credential/password",
    "sec-example-app/mariadb-credential/root-password",
}
SETTLE_SECONDS = 3


class Arguments:
    """The arguments of every process of the machine, looked at again and again while a block runs."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self.looks = 0
        self._ended = threading.Event()

    def look(self) -> None:
        while not self._ended.is_set():
            for process in Path("/proc").iterdir():
                if process.name.isdigit():
                    try:
                        self.seen.add((process / "cmdline").read_bytes())
                    except OSError:
                        continue
            self.looks += 1
            time.sleep(0.02)

    @contextmanager
    def watched(self) -> Generator[Arguments]:
        thread = threading.Thread(target=self.look, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            thread.join(5)


@pytest.fixture(scope="module")
def arguments() -> Arguments:
    return Arguments()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, arguments: Arguments) -> Iterator[LiveStack]:
    with footprint.own(tmp_path_factory.mktemp("sec"), "sec", 30870, SETTINGS) as made:
        with arguments.watched():
            made.run("up", timeout=1800)
        yield made


def hidden(*texts: str) -> list[bytes]:
    """Texts as one would find them: in clear and encoded."""
    return [form for text in texts for form in (text.encode(), base64.b64encode(text.encode()).rstrip(b"="))]


def secrets(stack: LiveStack) -> list[bytes]:
    known = footprint.secrets(stack)
    assert known.keys() >= GENERATED
    return hidden(*(known[place] for place in GENERATED))


def test_generated_values_are_strong_and_all_different(stack: LiveStack) -> None:
    known = footprint.secrets(stack)
    found = [known[place] for place in GENERATED]
    assert all(re.fullmatch(r"[A-Za-z0-9]{32}", value) for value in found)
    assert len(set(found)) == len(found)
    assert all(len(set(value)) >= 12 for value in found)


def test_pods_get_them_by_reference_alone(stack: LiveStack) -> None:
    text = json.dumps(stack.objects("pods,deployments,statefulsets,replicasets,configmaps")).encode()
    assert b"secretKeyRef" in text
    assert [form for form in secrets(stack) if form in text] == []


def test_no_process_has_one_among_its_arguments(stack: LiveStack, arguments: Arguments) -> None:
    """Arguments are public on a machine. They were looked at all the time while the stack came up."""
    assert arguments.looks > 50
    everything = b"\0\0".join(arguments.seen)
    assert b"pulumi" in everything
    assert [form for form in secrets(stack) if form in everything] == []


def test_rendered_files_and_pulumis_state_hold_none(stack: LiveStack, tmp_path: Path) -> None:
    stack.run("render", "--out", str(tmp_path / "out"))
    rendered = b"".join(file.read_bytes() for file in (tmp_path / "out").rglob("*") if file.is_file())
    assert [form for form in secrets(stack) if form in rendered] == []
    state_has_none(stack, secrets(stack))


def state_has_none(stack: LiveStack, values: list[bytes]) -> None:
    """Pulumi's state has the credentials, encrypted; nor is one in its history or its working directory."""
    state = b"".join(file.read_bytes() for file in stack.home.rglob("*") if file.is_file())
    assert b"postgres-credential" in state
    assert [form for form in values if form in state] == []


def test_logs_and_the_machines_files_hold_none(stack: LiveStack) -> None:
    """Logs of pods, of the cluster's components (audit included), of slipway, and etcd's files, which are encrypted."""
    found = secrets(stack)
    for pod in stack.objects("pods"):
        meta = pod["metadata"]
        said = live.kubectl("logs", "-n", meta["namespace"], meta["name"], "--all-containers", check=False).stdout
        assert [form for form in found if form in said.encode()] == [], meta["name"]
    looked = 0
    for directory in (paths.LOG, paths.cache() / "log", paths.STATE / "etcd"):
        for file in directory.rglob("*"):
            if file.is_file():
                content = file.read_bytes()
                looked += 1
                assert [form for form in found if form in content] == [], file
    assert looked > 5


def signs_in(namespace: str, pod: str, script: str, password: str) -> bool:
    """Whether a database lets somebody in; the password goes over standard input."""
    command = ("exec", "-i", "-n", namespace, pod, "--", "sh", "-c", script)
    return live.kubectl(*command, stdin=password + "\n", check=False).returncode == 0


# From the pod's own address and not from loopback, which the official images trust.
POSTGRES = 'read -r PGPASSWORD; export PGPASSWORD; psql -h "$(hostname -i)" -U cotoami -d cotoami -c "SELECT 1"'
MARIADB = 'read -r MYSQL_PWD; export MYSQL_PWD; mariadb -h "$(hostname -i)" -u {user} -e "SELECT 1"'


def test_rotation_replaces_every_value_and_loses_no_request(stack: LiveStack) -> None:
    """/health_check and /ready ask the database, the first with a new connection each time."""
    before = footprint.secrets(stack)
    apps = stack.apps()
    arguments = Arguments()
    with (
        arguments.watched(),
        # A connection to PostgreSQL per request is dear: few clients, so that nothing fails for want of a processor.
        Load(apps["cotoami"]["url"].rstrip("/") + "/health_check", fresh_clients=1, kept_clients=0) as cotoami,
        Load(apps["example-app"]["url"].rstrip("/") + "/ready", fresh_clients=1, kept_clients=0) as example,
    ):
        time.sleep(2)
        done = json.loads(stack.run("rotate", "--json").stdout)
        time.sleep(SETTLE_SECONDS)
    after = footprint.secrets(stack)
    assert {place for place in GENERATED if after[place] != before[place]} == GENERATED
    assert len(done["rotated"]) == len(GENERATED)
    assert (cotoami.failures, example.failures) == ([], [])
    assert min(cotoami.requests, example.requests) > 50
    everything = b"\0\0".join(arguments.seen)
    passwords = hidden(*(after[place] for place in GENERATED), *(before[place] for place in GENERATED))
    assert [form for form in passwords if form in everything] == []
    place = "sec-cotoami/postgres-credential/password"
    assert signs_in("sec-cotoami", "postgres-0", POSTGRES, after[place])
    assert not signs_in("sec-cotoami", "postgres-0", POSTGRES, before[place])
    for user, key in (("test_user", "password"), ("root", "root-password")):
        place = f"sec-example-app/mariadb-credential/{key}"
        assert signs_in("sec-example-app", "mariadb-0", MARIADB.format(user=user), after[place]), user
        assert not signs_in("sec-example-app", "mariadb-0", MARIADB.format(user=user), before[place]), user
    state_has_none(stack, passwords)
    # The state has the new values: nothing is to be changed, and another run keeps them.
    assert stack.run("preview").stdout.strip() == "stack sec: no changes"
    stack.run("up")
    assert footprint.secrets(stack) == after


@pytest.mark.slow
def test_one_app_is_rotated_alone_and_again_after_a_kill(stack: LiveStack) -> None:
    before = footprint.secrets(stack)
    assert stack.kill_after(2, "rotate", "cotoami") != 0
    stack.run("rotate", "cotoami")
    after = footprint.secrets(stack)
    changed = {place for place in GENERATED if after[place] != before[place]}
    assert changed == {place for place in GENERATED if place.startswith("sec-cotoami/")}
    place = "sec-cotoami/postgres-credential/password"
    assert signs_in("sec-cotoami", "postgres-0", POSTGRES, after[place])
    assert not signs_in("sec-cotoami", "postgres-0", POSTGRES, before[place])
    hba = live.kubectl("exec", "-n", "sec-cotoami", "postgres-0", "--", "sh", "-c", 'cat "$PGDATA/pg_hba.conf"').stdout
    assert "slipway rotate" not in hba
