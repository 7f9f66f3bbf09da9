"""A server on loopback that answers as a test says."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from email.message import Message


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Message
    body: bytes


@contextmanager
def serving(
    answer: Callable[[Request], tuple[int, bytes]], port: int = 0, address: str = "127.0.0.1"
) -> Generator[int]:
    """Serve status and body of each request on a port, by default a free one, which is told."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body = answer(Request(self.command, self.path, self.headers, asked))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815 - names of the base class

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
