"""Rows on the disk."""

from __future__ import annotations

import fcntl
import json
import sqlite3
import threading
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pathlib import Path


class StoreError(Exception):
    """The storage cannot be used; the message says why."""


class Store:
    """Containers of rows in one SQLite file of a directory that no other server uses. Safe for several threads.

    A change is in the write-ahead log, and that synced to the disk, before its method returns (`synchronous = FULL`,
    https://www.sqlite.org/pragma.html#pragma_synchronous). The log's records have checksums: one that a crash left
    incomplete is ignored by the next start (https://www.sqlite.org/walformat.html).
    """

    def __init__(self, directory: Path) -> None:
        """Open the directory's store; an empty directory gets one.

        Raises:
            StoreError: it is in use, cannot be written, or holds something else.
        """
        try:
            directory.mkdir(parents=True, exist_ok=True)
            # The lock ends with this process, however that ends.
            self._guard = (directory / "lock").open("w")
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(f"another server uses {directory}; a data directory belongs to one server") from None
        except OSError as error:
            raise StoreError(f"{directory} cannot be written: {error.strerror}") from None
        self._lock = threading.Lock()
        try:
            self._database = sqlite3.connect(
                directory / "gridstore.sqlite", check_same_thread=False, isolation_level=None
            )
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS rows"
                " (container TEXT, key TEXT, row TEXT NOT NULL, PRIMARY KEY (container, key)) WITHOUT ROWID"
            )
        except sqlite3.Error as error:
            raise StoreError(f"{directory / 'gridstore.sqlite'} cannot be used: {error}") from None

    def put(self, container: str, key: str, row: dict[str, Any]) -> None:
        """Insert a row or replace the one with its key."""
        self._execute(
            "INSERT INTO rows VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET row = excluded.row",
            (container, key, json.dumps(row)),
        )

    def get(self, container: str, key: str) -> dict[str, Any] | None:
        """The row with this key, None if there is none."""
        found, _ = self._execute("SELECT row FROM rows WHERE container = ? AND key = ?", (container, key))
        return cast("dict[str, Any]", json.loads(found[0][0])) if found else None

    def delete(self, container: str, key: str) -> bool:
        """Remove the row with this key; whether there was one."""
        _, removed = self._execute("DELETE FROM rows WHERE container = ? AND key = ?", (container, key))
        return removed > 0

    def query(self, container: str, where: dict[str, Any]) -> list[dict[str, Any]]:
        """The rows whose fields equal those of `where`, by key, each as `{"key": …, "row": {…}}`."""
        found, _ = self._execute("SELECT key, row FROM rows WHERE container = ? ORDER BY key", (container,))
        rows = [{"key": key, "row": json.loads(row)} for key, row in found]
        return [entry for entry in rows if all(entry["row"].get(name) == value for name, value in where.items())]

    def containers(self) -> list[str]:
        """The names of the containers that have rows."""
        found, _ = self._execute("SELECT DISTINCT container FROM rows ORDER BY 1", ())
        return [name for (name,) in found]

    def close(self) -> None:
        """End; what is asked afterwards fails with StoreError."""
        with self._lock:
            self._database.close()
            self._guard.close()

    def _execute(self, statement: str, values: tuple[str, ...]) -> tuple[list[tuple[Any, ...]], int]:
        """All rows of the answer, and how many rows were changed."""
        with self._lock:
            try:
                done = self._database.execute(statement, values)
                return done.fetchall(), done.rowcount
            except sqlite3.Error as error:
                raise StoreError(f"the storage failed: {error}") from None
