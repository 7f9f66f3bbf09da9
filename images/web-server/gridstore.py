"""Client of griddb-server: one JSON object per line in each direction."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any, cast


class StoreError(Exception):
    """The database does not answer, or refuses; the message says which."""


class Gridstore:
    """A connection that is made when it is needed and again after it broke. Safe for several threads."""

    def __init__(self, host: str, port: int, cluster: str, timeout: float = 3.0) -> None:
        """A client; nothing is connected yet.

        Args:
            host: name or address, resolved at each connection.
            port: its port.
            cluster: the cluster's name.
            timeout: seconds that connecting and each answer may take.
        """
        self._address = (host, port)
        self._cluster = cluster
        self._timeout = timeout
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        self._buffer = b""

    def put(self, container: str, key: str, row: dict[str, Any]) -> None:
        """Insert or replace a row; it is on the database's disk when this returns."""
        self._ask(op="put", container=container, key=key, row=row)

    def get(self, container: str, key: str) -> dict[str, Any] | None:
        """A row, or None."""
        return cast("dict[str, Any] | None", self._ask(op="get", container=container, key=key)["row"])

    def delete(self, container: str, key: str) -> None:
        """Remove a row if it is there."""
        self._ask(op="delete", container=container, key=key)

    def query(self, container: str, **where: object) -> list[dict[str, Any]]:
        """The rows whose fields equal `where`, each `{"key": …, "row": {…}}`, by key."""
        return cast("list[dict[str, Any]]", self._ask(op="query", container=container, where=where)["rows"])

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop()

    def _ask(self, **request: object) -> dict[str, Any]:
        line = (json.dumps({"cluster": self._cluster, **request}) + "\n").encode()
        with self._lock:
            kept = self._connection is not None
            try:
                result = self._exchange(line)
            except OSError as error:
                self._drop()
                # A kept connection may have ended with the database's old pod; every operation can be repeated.
                if not kept or isinstance(error, TimeoutError):
                    raise self._away(error) from None
                try:
                    result = self._exchange(line)
                except OSError as again:
                    self._drop()
                    raise self._away(again) from None
        if not result.get("ok"):
            raise StoreError(f"the database refuses: {result.get('error')}")
        return result

    def _away(self, error: Exception) -> StoreError:
        return StoreError(f"the database at {self._address[0]}:{self._address[1]} does not answer: {error}")

    def _exchange(self, line: bytes) -> dict[str, Any]:
        if self._connection is None:
            self._connection = socket.create_connection(self._address, self._timeout)
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._buffer = b""
        self._connection.sendall(line)
        while b"\n" not in self._buffer:
            received = self._connection.recv(65536)
            if not received:
                raise ConnectionResetError("it closed the connection")
            self._buffer += received
        answer, _, self._buffer = self._buffer.partition(b"\n")
        try:
            result: object = json.loads(answer)
        except ValueError:
            result = None
        if not isinstance(result, dict):
            # Where a Service has no pod, something else may answer at its address.
            raise ConnectionError("what answers there is no griddb-server")
        return cast("dict[str, Any]", result)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
