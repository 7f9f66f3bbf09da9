"""A small database in GridDB's place: its port, environment and data directory, with a protocol of its own.

A client sends one JSON object per line and gets one per line back:

    {"cluster": "myCluster", "op": "put", "container": "todos", "key": "1", "row": {"title": "milk"}}
    {"ok": true}

Operations: `put` (insert or replace), `get` (`row`, null if there is none), `delete` (`deleted`), `query` (all `rows` of a
container, optionally those whose fields equal `where`), `containers`, `ping`. An error is `{"ok": false, "error": "…"}`.
A row is on the disk before `put` and `delete` are answered.
"""

from __future__ import annotations

import fcntl
import json
import signal
import socket
import socketserver
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from images.serving import environment
from images.serving.http import log

if TYPE_CHECKING:
    from types import FrameType

HOME = Path(environment.optional("GRIDDB_HOME", "/var/lib/gridstore"))
MAX_LINE = 1 << 20


class RequestError(Exception):
    """What is wrong with a request."""


class Store:
    """Containers of rows in one SQLite file; every change is synced to the disk before it counts as done."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._guard = (directory / "lock").open("w")
        try:
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            environment.fail(f"another server uses {directory}; a data directory belongs to one server")
        self._lock = threading.Lock()
        self._database = sqlite3.connect(directory / "gridstore.sqlite", check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS rows"
            " (container TEXT, key TEXT, row TEXT NOT NULL, PRIMARY KEY (container, key)) WITHOUT ROWID"
        )

    def put(self, container: str, key: str, row: dict[str, Any]) -> None:
        with self._lock:
            self._database.execute(
                "INSERT INTO rows VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET row = excluded.row",
                (container, key, json.dumps(row)),
            )

    def get(self, container: str, key: str) -> dict[str, Any] | None:
        with self._lock:
            found = self._database.execute("SELECT row FROM rows WHERE container = ? AND key = ?", (container, key))
            row = found.fetchone()
        return None if row is None else cast("dict[str, Any]", json.loads(row[0]))

    def delete(self, container: str, key: str) -> bool:
        with self._lock:
            done = self._database.execute("DELETE FROM rows WHERE container = ? AND key = ?", (container, key))
            return done.rowcount > 0

    def query(self, container: str, where: dict[str, Any]) -> list[dict[str, Any]]:
        with self._lock:
            found = self._database.execute("SELECT key, row FROM rows WHERE container = ? ORDER BY key", (container,))
            rows = [{"key": key, "row": json.loads(row)} for key, row in found]
        return [entry for entry in rows if all(entry["row"].get(name) == value for name, value in where.items())]

    def containers(self) -> list[str]:
        with self._lock:
            return [name for (name,) in self._database.execute("SELECT DISTINCT container FROM rows ORDER BY 1")]

    def close(self) -> None:
        with self._lock:
            self._database.close()


def _text(request: dict[str, Any], name: str) -> str:
    value: object = request.get(name)
    if not isinstance(value, str) or not value:
        raise RequestError(f"{name} is missing or no text")
    return value


def _object(request: dict[str, Any], name: str) -> dict[str, Any]:
    value: object = request.get(name, {})
    if not isinstance(value, dict):
        raise RequestError(f"{name} is no JSON object")
    return cast("dict[str, Any]", value)


def answer(store: Store, cluster: str, request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one request.

    Raises:
        RequestError: the request is wrong, or meant for another cluster.
    """
    if request.get("cluster") != cluster:
        raise RequestError(f"this is cluster {cluster!r}, the request is for {request.get('cluster')!r}")
    match request.get("op"):
        case "ping":
            return {}
        case "put":
            store.put(_text(request, "container"), _text(request, "key"), _object(request, "row"))
            return {}
        case "get":
            return {"row": store.get(_text(request, "container"), _text(request, "key"))}
        case "delete":
            return {"deleted": store.delete(_text(request, "container"), _text(request, "key"))}
        case "query":
            return {"rows": store.query(_text(request, "container"), _object(request, "where"))}
        case "containers":
            return {"containers": store.containers()}
        case operation:
            raise RequestError(f"{operation!r} is no operation; there are put, get, delete, query, containers, ping")


class Server(socketserver.ThreadingTCPServer):
    """One thread per client."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, store: Store, cluster: str, port: int) -> None:
        self.store = store
        self.cluster = cluster
        super().__init__(("0.0.0.0", port), Client)  # noqa: S104 - a pod's network is its own

    def server_close(self) -> None:
        """Close the listening socket only: threads of connected clients are not waited for."""
        self.socket.close()


class Client(socketserver.StreamRequestHandler):
    """The requests of one connection, one after the other."""

    server: Server  # pyright: ignore[reportIncompatibleVariableOverride] - narrower: only Server uses this handler

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while line := self.rfile.readline(MAX_LINE):
                self.wfile.write((json.dumps(self._answer(line)) + "\n").encode())
        except ConnectionError:
            return

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request: object = json.loads(line)
            if not isinstance(request, dict):
                raise RequestError("a request is one JSON object on one line")
            result = answer(self.server.store, self.server.cluster, cast("dict[str, Any]", request))
        except (RequestError, ValueError) as error:
            return {"ok": False, "error": str(error)}
        except sqlite3.Error as error:
            log("storage error", error=str(error))
            return {"ok": False, "error": f"the storage failed: {error}"}
        return {"ok": True, **result}


def configure(cluster: str, members: int) -> None:
    """Write the server's own configuration, as the public image's start script does (it runs as user 0 for that)."""
    directory = HOME / "conf"
    directory.mkdir(parents=True, exist_ok=True)
    settings = {"cluster": {"clusterName": cluster, "notificationMember": members}}
    (directory / "gs_cluster.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Serve until SIGTERM."""
    cluster = environment.optional("GRIDDB_CLUSTER_NAME", "myCluster")
    members = environment.optional("NOTIFICATION_MEMBER", "1")
    if members != "1":
        environment.fail(f"NOTIFICATION_MEMBER={members}: this stand-in is a cluster of 1")
    configure(cluster, 1)
    store = Store(HOME / "data")
    server = Server(store, cluster, environment.port("GRIDDB_PORT", 10001))

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    log("listening", port=server.server_address[1], cluster=cluster)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    store.close()
    log("stopped")


if __name__ == "__main__":
    main()
