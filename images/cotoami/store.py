"""Notes in PostgreSQL: people (amishis), their cotos, and cotonomas that cotos belong to."""

from __future__ import annotations

import threading
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import DictRow, dict_row

if TYPE_CHECKING:
    from collections.abc import Generator

    from images.cotoami.settings import Database

_TABLES = """
CREATE TABLE IF NOT EXISTS amishis (
    id uuid PRIMARY KEY, email text NOT NULL UNIQUE, inserted_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS cotonomas (
    id uuid PRIMARY KEY, key text NOT NULL UNIQUE, name text NOT NULL,
    owner_id uuid NOT NULL REFERENCES amishis, inserted_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (owner_id, name)
);
CREATE TABLE IF NOT EXISTS cotos (
    id uuid PRIMARY KEY, content text NOT NULL, amishi_id uuid NOT NULL REFERENCES amishis,
    cotonoma_id uuid REFERENCES cotonomas, inserted_at timestamptz NOT NULL DEFAULT now()
);
"""
# Several replicas start at once; one makes the tables, the others wait.
_MIGRATION_LOCK = 0x636F746F


class StoreError(Exception):
    """The database does not answer or fails."""


class DuplicateError(Exception):
    """A cotonoma of that name exists already."""


class Notes:
    """All access to PostgreSQL. A connection per call: nothing to repair when the database's pod is replaced."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ready = threading.Event()

    @contextmanager
    def _connection(self) -> Generator[psycopg.Connection[DictRow]]:
        try:
            with psycopg.Connection[DictRow].connect(
                host=self._database.host,
                port=self._database.port,
                dbname=self._database.name,
                user=self._database.user,
                password=self._database.password,
                connect_timeout=5,
                row_factory=dict_row,
            ) as connection:
                if not self._ready.is_set():
                    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
                    connection.execute(_TABLES)
                    connection.commit()
                    self._ready.set()
                yield connection
        except psycopg.Error as error:
            words = " ".join(str(error).split())
            raise StoreError(f"PostgreSQL at {self._database.host}:{self._database.port}: {words}") from None

    def check(self) -> None:
        """Raises StoreError unless the database answers."""
        with self._connection() as connection:
            connection.execute("SELECT 1")

    def amishi(self, email: str) -> dict[str, Any]:
        """The person with this address, made if new: `id`, `email`."""
        with self._connection() as connection:
            connection.execute(
                "INSERT INTO amishis (id, email) VALUES (%s, %s) ON CONFLICT (email) DO NOTHING", (uuid.uuid4(), email)
            )
            row = connection.execute("SELECT id, email FROM amishis WHERE email = %s", (email,)).fetchone()
        if row is None:
            raise StoreError("the person that was just made is gone")
        return _plain(row)

    def knows(self, email: str) -> bool:
        """Whether somebody signed in with this address before."""
        with self._connection() as connection:
            return connection.execute("SELECT 1 FROM amishis WHERE email = %s", (email,)).fetchone() is not None

    def cotos(self, amishi_id: str, cotonoma_key: str | None = None) -> list[dict[str, Any]]:
        """The newest 100 cotos of a person, all or those of one cotonoma."""
        with self._connection() as connection:
            rows = connection.execute(
                "SELECT c.id, c.content, n.key AS cotonoma_key, c.inserted_at FROM cotos c"
                " LEFT JOIN cotonomas n ON n.id = c.cotonoma_id"
                " WHERE c.amishi_id = %s AND (%s::text IS NULL OR n.key = %s) ORDER BY c.inserted_at DESC LIMIT 100",
                (amishi_id, cotonoma_key, cotonoma_key),
            ).fetchall()
        return [_plain(row) for row in rows]

    def post_coto(self, amishi_id: str, content: str, cotonoma_key: str | None) -> dict[str, Any] | None:
        """A new coto; None if the cotonoma is not the person's."""
        with self._connection() as connection:
            cotonoma_id = None
            if cotonoma_key is not None:
                found = connection.execute(
                    "SELECT id FROM cotonomas WHERE key = %s AND owner_id = %s", (cotonoma_key, amishi_id)
                ).fetchone()
                if found is None:
                    return None
                cotonoma_id = found["id"]
            row = connection.execute(
                "INSERT INTO cotos (id, content, amishi_id, cotonoma_id) VALUES (%s, %s, %s, %s)"
                " RETURNING id, content, inserted_at",
                (uuid.uuid4(), content, amishi_id, cotonoma_id),
            ).fetchone()
        return None if row is None else {**_plain(row), "cotonoma_key": cotonoma_key}

    def delete_coto(self, amishi_id: str, coto_id: str) -> bool:
        """Remove a coto of the person; whether there was one."""
        with self._connection() as connection:
            done = connection.execute("DELETE FROM cotos WHERE id::text = %s AND amishi_id = %s", (coto_id, amishi_id))
            return done.rowcount > 0

    def cotonomas(self, amishi_id: str) -> list[dict[str, Any]]:
        """The person's cotonomas by name."""
        with self._connection() as connection:
            rows = connection.execute(
                "SELECT id, key, name FROM cotonomas WHERE owner_id = %s ORDER BY name", (amishi_id,)
            ).fetchall()
        return [_plain(row) for row in rows]

    def post_cotonoma(self, amishi_id: str, name: str) -> dict[str, Any]:
        """A new cotonoma.

        Raises:
            DuplicateError: the person has one of that name.
        """
        with self._connection() as connection:
            row = connection.execute(
                "INSERT INTO cotonomas (id, key, name, owner_id) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (owner_id, name) DO NOTHING RETURNING id, key, name",
                (uuid.uuid4(), uuid.uuid4().hex[:16], name, amishi_id),
            ).fetchone()
        if row is None:
            raise DuplicateError(name)
        return _plain(row)


def _plain(row: DictRow) -> dict[str, Any]:
    """A row as JSON can hold it."""
    return {name: value if isinstance(value, str | None) else str(value) for name, value in row.items()}
