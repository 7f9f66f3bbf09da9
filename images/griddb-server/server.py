"""A small database in GridDB's place: its port, environment and directories, with a protocol of its own.

A client sends one JSON object per line and gets one per line back:

    {"cluster": "myCluster", "op": "put", "container": "todos", "key": "1", "row": {"title": "milk"}}
    {"ok": true}

| operation    | wants                 | answers besides `ok`                                          |
| ------------ | --------------------- | ------------------------------------------------------------- |
| `put`        | container, key, row   | (inserted or replaced)                                      |
| `get`        | container, key        | `row`, null if there is none                                  |
| `delete`     | container, key        | `deleted`                                                     |
| `query`      | container, where      | `rows` whose fields equal those of `where`: `{"key", "row"}`  |
| `containers` |                       | `containers`                                                  |
| `ping`       |                       |                                                               |

An error is `{"ok": false, "error": "…"}`; so is a request for a cluster of another name. A change is on the disk
before `put` and `delete` are answered, and each of the two can be repeated when its answer got lost.
"""

from __future__ import annotations

import json
import signal
import socket
import socketserver
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from store import Store, StoreError

from images.serving import environment
from images.serving.http import log

if TYPE_CHECKING:
    from types import FrameType

MAX_LINE = 1 << 20
IDLE_SECONDS = 600


class RequestError(Exception):
    """What is wrong with a request."""


def _request(line: bytes) -> dict[str, Any]:
    try:
        request: object = json.loads(line)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise RequestError("a request is one JSON object on one line")
    return cast("dict[str, Any]", request)


def _text(request: dict[str, Any], name: str) -> str:
    value: object = request.get(name)
    if not isinstance(value, str) or not value:
        raise RequestError(f"{name} is missing or no text")
    return value


def _object(request: dict[str, Any], name: str) -> dict[str, Any]:
    value: object = request.get(name)
    if not isinstance(value, dict):
        raise RequestError(f"{name} is missing or no JSON object")
    return cast("dict[str, Any]", value)


def answer(store: Store, cluster: str, request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one request.

    Raises:
        RequestError: the request is wrong, or meant for another cluster.
        StoreError: the storage failed.
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
            where = _object(request, "where") if "where" in request else {}
            return {"rows": store.query(_text(request, "container"), where)}
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

    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride] - narrower: only Server uses this handler

    def handle(self) -> None:
        try:
            while line := self.rfile.readline(MAX_LINE + 1):
                if len(line) > MAX_LINE:
                    self._send({"ok": False, "error": f"a request has at most {MAX_LINE} bytes"})
                    return
                self._send(self._answer(line))
        except (ConnectionError, TimeoutError):
            return

    def _send(self, result: dict[str, Any]) -> None:
        self.wfile.write((json.dumps(result) + "\n").encode())

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            result = answer(self.server.store, self.server.cluster, _request(line))
        except RequestError as error:
            return {"ok": False, "error": str(error)}
        except StoreError as error:
            log("storage error", error=str(error))
            return {"ok": False, "error": str(error)}
        return {"ok": True, **result}


def configure(file: Path, cluster: str, address: str, port: int) -> str:
    """Edit the server's own configuration, as the public image's start script does (it runs as user 0 for that).

    Args:
        file: gs_cluster.json.
        cluster: the cluster's name.
        address: this server's address, the cluster's only member.
        port: its port.

    Returns:
        The cluster's name, as the file has it now.
    """
    settings = cast("dict[str, Any]", json.loads(file.read_text(encoding="utf-8")))
    settings["cluster"]["clusterName"] = cluster
    settings["cluster"]["notificationMember"] = [{"transaction": {"address": address, "port": port}}]
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    draft.replace(file)
    return str(settings["cluster"]["clusterName"])


def _own_address() -> str:
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "127.0.0.1"


def _start() -> tuple[Store, Server]:
    home = Path(environment.optional("GRIDDB_HOME", "/var/lib/gridstore"))
    port = environment.port("GRIDDB_PORT", 10001)
    members = environment.optional("NOTIFICATION_MEMBER", "1")
    if members != "1":
        environment.fail(f"NOTIFICATION_MEMBER={members}: this stand-in is a cluster of 1")
    wanted = environment.optional("GRIDDB_CLUSTER_NAME", "myCluster")
    file = home / "conf" / "gs_cluster.json"
    try:
        cluster = configure(file, wanted, _own_address(), port)
    except (OSError, ValueError, KeyError) as error:
        environment.fail(f"{file} cannot be edited: {error}")
    try:
        store = Store(home / "data")
    except StoreError as error:
        environment.fail(str(error))
    try:
        return store, Server(store, cluster, port)
    except OSError as error:
        environment.fail(f"cannot listen on port {port}: {error.strerror}")


def main() -> None:
    """Serve until SIGTERM."""
    store, server = _start()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    log("listening", port=server.server_address[1], cluster=server.cluster)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    store.close()
    log("stopped")


if __name__ == "__main__":
    main()
