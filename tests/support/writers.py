"""Clients that write a counter into each kind of store and remember what was acknowledged."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.request
import uuid
from dataclasses import dataclass
from typing import Any, Protocol, Self, cast

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support import live

_TIMEOUT_S = 3.0
_PAUSE_S = 0.005
_MOST = 20_000


@dataclass(frozen=True)
class Target:
    """A pod that is broken."""

    namespace: str
    pod: str


class Store(Protocol):
    """One store: writes a number, and reads all numbers back. Whatever a try fails with may be raised."""

    namespace: str
    pod: str

    def write(self, number: int) -> None: ...
    def read(self) -> set[int]: ...
    def drop(self) -> None:
        """Forget the connection; the next call makes a new one."""
        ...


def address(namespace: str, service: str) -> str:
    """The Service's own address, which this machine reaches."""
    (found,) = live.get("service", service, "-n", namespace)
    return str(found["spec"]["clusterIP"])


def json_at(url: str) -> dict[str, Any]:
    """The JSON that is answered at `url`."""
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.loads(response.read())


class RedisStore:
    """A set in Redis; an acknowledged write is SADD's answer."""

    pod = "redis-master-0"

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._key = f"counter-{uuid.uuid4().hex[:8]}"
        self._address = address(namespace, "redis-master")
        self._client = self._connect()

    def _connect(self) -> redis.Redis:
        return redis.Redis(
            self._address,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    def write(self, number: int) -> None:
        self._client.sadd(self._key, str(number))

    def read(self) -> set[int]:
        return {int(member) for member in cast("set[str]", self._client.smembers(self._key))}

    def drop(self) -> None:
        self._client.close()
        self._client = self._connect()


class PostgresStore:
    """A table in PostgreSQL; each row is a transaction of its own."""

    pod = "postgres-0"

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._run = uuid.uuid4().hex
        self._address = address(namespace, "postgres")
        self._password = live.secret(namespace, "postgres-credential", "password")
        self._client = self._connect()
        self._client.execute(
            "CREATE TABLE IF NOT EXISTS slipway_counter (run text, number int, PRIMARY KEY (run, number))"
        )

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=self._address,
            dbname="cotoami",
            user="cotoami",
            password=self._password,
            connect_timeout=int(_TIMEOUT_S),
            autocommit=True,
            tcp_user_timeout=int(_TIMEOUT_S * 1000),
        )

    def write(self, number: int) -> None:
        if self._client.closed:
            self._client = self._connect()
        # A try before may have been written without an answer.
        self._client.execute("INSERT INTO slipway_counter VALUES (%s, %s) ON CONFLICT DO NOTHING", (self._run, number))

    def read(self) -> set[int]:
        if self._client.closed:
            self._client = self._connect()
        found = self._client.execute("SELECT number FROM slipway_counter WHERE run = %s", (self._run,))
        return {row[0] for row in found.fetchall()}

    def drop(self) -> None:
        self._client.close()


class MariaStore:
    """A table in MariaDB, through the client in the pod."""

    pod = "mariadb-0"

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._table = f"counter_{uuid.uuid4().hex[:8]}"
        self._run(f"CREATE TABLE {self._table} (number int PRIMARY KEY)")

    def _run(self, statement: str) -> str:
        client = 'exec mariadb -h 127.0.0.1 -uroot -p"$MARIADB_ROOT_PASSWORD" -N -e "$0" "$MARIADB_DATABASE"'
        done = live.kubectl(
            "exec", "-n", self.namespace, self.pod, "-c", "mariadb", "--", "sh", "-c", client, statement, check=False
        )
        if done.returncode != 0:
            raise OSError(done.stderr[-300:])
        return done.stdout

    def write(self, number: int) -> None:
        self._run(f"INSERT IGNORE INTO {self._table} VALUES ({number})")  # noqa: S608 - a name and a number of our own

    def read(self) -> set[int]:
        return {int(line) for line in self._run(f"SELECT number FROM {self._table}").split()}  # noqa: S608 - our own name

    def drop(self) -> None:
        """Each statement has a connection of its own."""


class TodoStore:
    """Todos, through the app's own interface: what it answered with 201 is in its database."""

    pod = "griddb-server-0"

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._url = f"http://{address(namespace, 'web-server')}:8080/api"
        self._token = ""
        self._token = str(self._ask("POST", "signin", {"user": f"counter-{uuid.uuid4().hex[:8]}"})["token"])

    def _ask(self, method: str, path: str, body: dict[str, str] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self._url}/{path}",
            json.dumps(body).encode() if body else None,
            {"Authorization": f"Bearer {self._token}"},
            method=method,
        )
        try:
            # Longer than the app waits for its database.
            with urllib.request.urlopen(request, timeout=4 * _TIMEOUT_S) as response:
                return json.loads(response.read())
        except http.client.HTTPException as error:
            raise OSError(repr(error)) from error

    def write(self, number: int) -> None:
        self._ask("POST", "todos", {"title": str(number)})

    def read(self) -> set[int]:
        return {int(todo["title"]) for todo in self._ask("GET", "todos")["todos"]}

    def drop(self) -> None:
        """Each request has a connection of its own."""


class Writer:
    """Writes numbers, each until it is acknowledged, until the block ends."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.acknowledged: set[int] = set()
        self.failures: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _work(self) -> None:
        number = 0
        while not self._ended.is_set() and number < _MOST:
            try:
                self.store.write(number)
            except (OSError, psycopg.Error, redis.RedisError, ValueError) as error:
                self.failures.append(f"{type(error).__name__}: {error}"[:200])
                self.store.drop()
                self._ended.wait(0.1)
                continue
            self.acknowledged.add(number)
            number += 1
            self._ended.wait(_PAUSE_S)

    def progress(self, more: int = 20, seconds: float = 90) -> None:
        """Wait until that many further writes were acknowledged."""
        wanted = len(self.acknowledged) + more
        live.wait_for(lambda: len(self.acknowledged) >= wanted, 2 * seconds, f"writes to {self.store.pod}")

    def missing(self, seconds: float = 60) -> set[int]:
        """What was acknowledged and is not there, once the store answers."""
        end = time.monotonic() + seconds
        while True:
            self.store.drop()
            try:
                return self.acknowledged - self.store.read()
            except (OSError, psycopg.Error, redis.RedisError, ValueError):
                assert time.monotonic() < end, f"{self.store.pod} does not answer"
                time.sleep(0.3)
