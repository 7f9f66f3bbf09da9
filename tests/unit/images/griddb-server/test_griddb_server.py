from __future__ import annotations

import json
import shutil
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.images.running import ROOT, Running, refusal, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Connection:
    """One client of the line protocol."""

    def __init__(self, server: Running) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), 10)
        self.lines = self.socket.makefile("rb")

    def raw(self, data: bytes) -> dict[str, Any]:
        self.socket.sendall(data)
        line = self.lines.readline()
        if not line:
            raise ConnectionResetError
        return json.loads(line)

    def ask(self, op: str, **fields: object) -> dict[str, Any]:
        return self.raw(json.dumps({"cluster": "myCluster", "op": op, **fields}).encode() + b"\n")


class Site:
    """A home directory as the image has it, and servers on it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.servers: list[Running] = []
        shutil.copytree(ROOT / "images" / "griddb-server" / "conf", home / "conf")

    @property
    def settings(self) -> dict[str, str]:
        return {"GRIDDB_HOME": str(self.home), "NOTIFICATION_MEMBER": "1", "GRIDDB_CLUSTER_NAME": "myCluster"}

    def start(self) -> Running:
        self.servers.append(start("griddb-server", "GRIDDB_PORT", self.settings, self.home / "log"))
        return self.servers[-1]

    def rows(self) -> list[str]:
        server = self.start()
        answer = Connection(server).ask("query", container="c")
        assert answer["ok"], answer
        assert server.stop() == 0
        return [entry["key"] for entry in answer["rows"]]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "gridstore")
    yield made
    for server in made.servers:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


def test_rows_are_put_read_found_and_deleted(site: Site) -> None:
    client = Connection(site.start())
    assert client.ask("ping") == {"ok": True}
    assert client.ask("get", container="c", key="1") == {"ok": True, "row": None}
    assert client.ask("put", container="c", key="1", row={"title": "milk", "done": False}) == {"ok": True}
    assert client.ask("put", container="c", key="2", row={"title": "brød", "done": True})["ok"]
    assert client.ask("put", container="other", key="1", row={})["ok"]
    assert client.ask("get", container="c", key="2")["row"] == {"title": "brød", "done": True}
    assert [entry["key"] for entry in client.ask("query", container="c")["rows"]] == ["1", "2"]
    found = client.ask("query", container="c", where={"done": True})["rows"]
    assert found == [{"key": "2", "row": {"title": "brød", "done": True}}]
    assert client.ask("put", container="c", key="2", row={"title": "bread"})["ok"]
    assert client.ask("get", container="c", key="2")["row"] == {"title": "bread"}
    assert client.ask("containers")["containers"] == ["c", "other"]
    assert client.ask("delete", container="c", key="1") == {"ok": True, "deleted": True}
    assert client.ask("delete", container="c", key="1") == {"ok": True, "deleted": False}


def test_a_request_for_another_cluster_is_refused(site: Site) -> None:
    client = Connection(site.start())
    answer = client.ask("put", cluster="otherCluster", container="c", key="1", row={})
    assert answer["ok"] is False
    assert "this is cluster 'myCluster'" in answer["error"]
    assert client.ask("get", container="c", key="1")["row"] is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nonsense\n", "one JSON object on one line"),
        (b"[1]\n", "one JSON object on one line"),
        (b"[" * 100_000 + b"\n", "one JSON object on one line"),
        (b'{"cluster": "myCluster", "op": "drop"}\n', "'drop' is no operation"),
        (b'{"cluster": "myCluster", "op": "put", "container": "c", "key": "1"}\n', "row is missing"),
        (b'{"cluster": "myCluster", "op": "put", "container": "", "key": "1", "row": {}}\n', "container is missing"),
        (b'{"cluster": "myCluster", "op": "query", "container": "c", "where": 1}\n', "where is missing or no JSON"),
    ],
)
def test_a_wrong_request_is_told_and_the_connection_goes_on(site: Site, line: bytes, reason: str) -> None:
    client = Connection(site.start())
    answer = client.raw(line)
    assert answer["ok"] is False
    assert reason in answer["error"]
    assert client.ask("ping")["ok"]


def test_a_request_without_end_is_cut_off(site: Site) -> None:
    server = site.start()
    client = Connection(server)
    assert "at most 1048576 bytes" in client.raw(b"x" * (1 << 20) + b"x")["error"]
    assert client.lines.readline() == b""
    assert Connection(server).ask("ping")["ok"]


def test_every_acknowledged_row_survives_a_kill(site: Site) -> None:
    server = site.start()
    acknowledged: list[str] = []
    enough = threading.Event()

    def write() -> None:
        client = Connection(server)
        try:
            for number in range(100_000):
                assert client.ask("put", container="c", key=f"{number:06}", row={"n": number})["ok"]
                acknowledged.append(f"{number:06}")
                if number == 100:
                    enough.set()
        except OSError:
            return

    writer = threading.Thread(target=write)
    writer.start()
    assert enough.wait(30)
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    writer.join()
    found = site.rows()
    # The row under way when the server died may be there or not.
    assert found[: len(acknowledged)] == acknowledged
    assert len(found) <= len(acknowledged) + 1


def test_a_torn_last_record_is_ignored(site: Site) -> None:
    server = site.start()
    client = Connection(server)
    for number in range(5):
        assert client.ask("put", container="c", key=str(number), row={"n": number})["ok"]
    server.stop(signal.SIGKILL)
    log = site.home / "data" / "gridstore.sqlite-wal"
    whole = log.read_bytes()
    log.write_bytes(whole[:-100])
    assert site.rows() == ["0", "1", "2", "3"]


def test_a_clean_stop_ends_with_0_and_keeps_the_rows(site: Site) -> None:
    server = site.start()
    assert Connection(server).ask("put", container="c", key="1", row={})["ok"]
    assert server.stop() == 0
    assert site.rows() == ["1"]


def test_a_second_server_on_the_same_directory_is_refused(site: Site) -> None:
    server = site.start()
    message = refusal("griddb-server", {**site.settings, "GRIDDB_PORT": "1"})
    assert f"another server uses {site.home / 'data'}" in message
    assert Connection(server).ask("ping")["ok"]


def test_the_own_configuration_is_edited_at_the_start(site: Site) -> None:
    server = site.start()
    settings = json.loads((site.home / "conf" / "gs_cluster.json").read_text(encoding="utf-8"))["cluster"]
    assert settings["clusterName"] == "myCluster"
    assert [member["transaction"]["port"] for member in settings["notificationMember"]] == [server.port]


def test_what_cannot_work_is_told_at_the_start(site: Site, tmp_path: Path) -> None:
    assert "cluster of 1" in refusal("griddb-server", {**site.settings, "NOTIFICATION_MEMBER": "3"})
    assert "gs_cluster.json cannot be edited" in refusal("griddb-server", {"GRIDDB_HOME": str(tmp_path / "nothing")})
    (site.home / "data").write_text("a file", encoding="utf-8")
    assert "cannot be written" in refusal("griddb-server", site.settings)
    (site.home / "data").unlink()
    (site.home / "data").mkdir()
    (site.home / "data" / "gridstore.sqlite").write_bytes(b"no database" * 100)
    assert "cannot be used: file is not a database" in refusal("griddb-server", site.settings)
