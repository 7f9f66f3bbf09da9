"""A server on loopback that answers as a test says."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from email.message import Message


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Message
    body: bytes


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    answer: Callable[[Request], tuple[int, bytes] | tuple[int, bytes, Mapping[str, str]]],
    port: int = 0,
    address: str = "127.0.0.1",
) -> Generator[int]:
    """Serve status, body and further headers of each request on a port, by default a free one, which is told."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body, *more = answer(Request(self.command, self.path, self.headers, asked))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(more[0] if more else {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = _serve  # noqa: N815 - names of the base class

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            """Say nothing on standard error."""

    with ThreadingHTTPServer((address, port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
