"""Constant requests to a loopback address, bounded in number and rate, each failure kept."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

_LOOPBACK = ("127.0.0.1", "localhost")
_TIMEOUT_S = 5.0
_PAUSE_S = 0.01
_LIMIT = 200_000


@dataclass
class Tally:
    """What one client saw."""

    requests: int = 0
    failures: list[str] = field(default_factory=list[str])


class Load:
    """Clients that ask until the block ends: several with a new connection each time, one that keeps its connection."""

    def __init__(
        self, url: str, *, fresh_clients: int = 2, kept_clients: int = 1, host: str | None = None, text: str = ""
    ) -> None:
        parts = urlsplit(url)
        assert parts.hostname in _LOOPBACK, f"load is aimed at loopback only, not at {url}"
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        self._text = text.encode()
        self._headers = {"Host": host} if host else {}
        self.fresh = [Tally() for _ in range(fresh_clients)]
        self.kept = [Tally() for _ in range(kept_clients)]
        self._ended = threading.Event()
        clients = [*((tally, False) for tally in self.fresh), *((tally, True) for tally in self.kept)]
        self._threads = [threading.Thread(target=self._ask, args=client, daemon=True) for client in clients]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(_TIMEOUT_S + 1)

    @property
    def requests(self) -> int:
        return sum(tally.requests for tally in [*self.fresh, *self.kept])

    @property
    def failures(self) -> list[str]:
        return [failure for tally in [*self.fresh, *self.kept] for failure in tally.failures]

    def _request(self, connection: http.client.HTTPConnection) -> str | None:
        connection.request("GET", self._path, headers=self._headers)
        response = connection.getresponse()
        body = response.read()
        fine = response.status == 200 and body and self._text in body
        return None if fine else f"status {response.status}, {len(body)} bytes: {body[:80].decode(errors='replace')}"

    def _ask(self, tally: Tally, keep: bool) -> None:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_S)
        while not self._ended.is_set() and tally.requests < _LIMIT:
            tally.requests += 1
            problem: str | None = None
            # A server may close an idle connection at any time; a client then repeats the request on a new one
            # (RFC 9112, section 9.3.1). Only what fails on a new connection is lost.
            for _ in range(1 if connection.sock is None else 2):
                try:
                    problem = self._request(connection)
                    break
                except (OSError, http.client.HTTPException) as error:
                    problem = f"{type(error).__name__}: {error}"
                    connection.close()
            if problem is not None:
                tally.failures.append(f"{time.strftime('%H:%M:%S')} {problem}")
            if not keep:
                connection.close()
            time.sleep(_PAUSE_S)
        connection.close()
