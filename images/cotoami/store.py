"""Notes in PostgreSQL: people (amishis), their cotos, and cotonomas that cotos belong to."""

from __future__ import annotations

import threading
import uuid
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
from psycopg.rows import DictRow, dict_row

from images.serving.wsgi import log

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
ALTER TABLE cotonomas ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE cotos ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();
"""
# Several replicas start at once; one makes the tables, the others wait.
_MIGRATION_LOCK = 0x636F746F
_COTO = """
SELECT c.id, c.content, n.key AS cotonoma_key, c.inserted_at, c.updated_at FROM cotos c
LEFT JOIN cotonomas n ON n.id = c.cotonoma_id WHERE c.amishi_id = %(amishi)s
"""


class StoreError(Exception):
    """The database does not answer or fails; its own words are in the log."""


class DuplicateError(Exception):
    """A cotonoma of that name exists already."""


class Notes:
    """All access to PostgreSQL. A connection per call: nothing to repair when the database's pod is replaced."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ready = threading.Event()

    @contextmanager
    def _connection(self) -> Generator[psycopg.Connection[DictRow]]:
        where = f"{self._database.host}:{self._database.port}"
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
        except psycopg.errors.UniqueViolation:
            raise DuplicateError from None
        except psycopg.Error as error:
            log("postgresql", where=where, error=" ".join(str(error).split()))
            raise StoreError(f"PostgreSQL at {where} does not answer as it should; try again in a moment") from None

    def _rows(self, statement: LiteralString, **values: object) -> list[dict[str, Any]]:
        with self._connection() as connection:
            return [_plain(row) for row in connection.execute(statement, values).fetchall()]

    def _row(self, statement: LiteralString, **values: object) -> dict[str, Any] | None:
        return next(iter(self._rows(statement, **values)), None)

    def check(self) -> None:
        """Raises StoreError unless the database answers."""
        self._rows("SELECT 1")

    def amishi(self, email: str) -> dict[str, Any]:
        """The person with this address, made if new: `id`, `email`."""
        return self._rows(
            "INSERT INTO amishis (id, email) VALUES (%(id)s, %(email)s)"
            " ON CONFLICT (email) DO UPDATE SET email = excluded.email RETURNING id, email",
            id=uuid.uuid4(),
            email=email,
        )[0]

    def knows(self, email: str) -> bool:
        """Whether somebody signed in with this address before."""
        return self._row("SELECT 1 FROM amishis WHERE email = %(email)s", email=email) is not None

    def cotos(self, amishi_id: str, cotonoma_key: str | None = None) -> list[dict[str, Any]]:
        """The newest 100 cotos of a person, all or those of one cotonoma."""
        of_one = "" if cotonoma_key is None else " AND n.key = %(key)s"
        return self._rows(f"{_COTO}{of_one} ORDER BY c.inserted_at DESC LIMIT 100", amishi=amishi_id, key=cotonoma_key)

    def coto(self, amishi_id: str, coto_id: uuid.UUID) -> dict[str, Any] | None:
        """One coto of the person."""
        return self._row(f"{_COTO} AND c.id = %(id)s", amishi=amishi_id, id=coto_id)

    def post_coto(self, amishi_id: str, content: str, cotonoma_key: str | None) -> dict[str, Any] | None:
        """A new coto; None if the cotonoma is not the person's."""
        made = uuid.uuid4()
        rows = self._rows(
            "INSERT INTO cotos (id, content, amishi_id, cotonoma_id)"
            " SELECT %(id)s, %(content)s::text, %(amishi)s::uuid, n.id FROM (SELECT 1) one"
            " LEFT JOIN cotonomas n ON n.key = %(key)s::text AND n.owner_id = %(amishi)s::uuid"
            " WHERE %(key)s::text IS NULL OR n.id IS NOT NULL RETURNING id",
            id=made,
            content=content,
            amishi=amishi_id,
            key=cotonoma_key,
        )
        return self.coto(amishi_id, made) if rows else None

    def change_coto(self, amishi_id: str, coto_id: uuid.UUID, content: str) -> dict[str, Any] | None:
        """Another content; None if there is no such coto of the person."""
        self._rows(
            "UPDATE cotos SET content = %(content)s, updated_at = now()"
            " WHERE id = %(id)s AND amishi_id = %(amishi)s RETURNING id",
            content=content,
            id=coto_id,
            amishi=amishi_id,
        )
        return self.coto(amishi_id, coto_id)

    def delete_coto(self, amishi_id: str, coto_id: uuid.UUID) -> bool:
        """Remove a coto of the person; whether there was one."""
        statement = "DELETE FROM cotos WHERE id = %(id)s AND amishi_id = %(amishi)s RETURNING id"
        return self._row(statement, id=coto_id, amishi=amishi_id) is not None

    def cotonomas(self, amishi_id: str) -> list[dict[str, Any]]:
        """The person's cotonomas by name."""
        return self._rows(
            "SELECT id, key, name, inserted_at, updated_at FROM cotonomas WHERE owner_id = %(owner)s ORDER BY name",
            owner=amishi_id,
        )

    def post_cotonoma(self, amishi_id: str, name: str) -> dict[str, Any]:
        """A new cotonoma.

        Raises:
            DuplicateError: the person has one of that name.
        """
        return self._rows(
            "INSERT INTO cotonomas (id, key, name, owner_id) VALUES (%(id)s, %(key)s, %(name)s, %(owner)s)"
            " RETURNING id, key, name, inserted_at, updated_at",
            id=uuid.uuid4(),
            key=uuid.uuid4().hex[:16],
            name=name,
            owner=amishi_id,
        )[0]

    def rename_cotonoma(self, amishi_id: str, key: str, name: str) -> dict[str, Any] | None:
        """Another name; None if there is no such cotonoma of the person.

        Raises:
            DuplicateError: the person has another one of that name.
        """
        return self._row(
            "UPDATE cotonomas SET name = %(name)s, updated_at = now() WHERE key = %(key)s AND owner_id = %(owner)s"
            " RETURNING id, key, name, inserted_at, updated_at",
            name=name,
            key=key,
            owner=amishi_id,
        )

    def delete_cotonoma(self, amishi_id: str, key: str) -> bool:
        """Remove a cotonoma of the person, whether there was one; its cotos stay, in no cotonoma."""
        return (
            self._row(
                "WITH gone AS (SELECT id FROM cotonomas WHERE key = %(key)s AND owner_id = %(owner)s),"
                " freed AS (UPDATE cotos SET cotonoma_id = NULL WHERE cotonoma_id IN (SELECT id FROM gone))"
                " DELETE FROM cotonomas WHERE id IN (SELECT id FROM gone) RETURNING id",
                key=key,
                owner=amishi_id,
            )
            is not None
        )


def _plain(row: DictRow) -> dict[str, Any]:
    """A row as JSON can hold it; times as RFC 3339 has them."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value if value is None else str(value)
        for name, value in row.items()
    }
