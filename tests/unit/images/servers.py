"""Small servers on loopback that the images' programs talk to in tests: Redis' protocol and SMTP, as far as needed."""

from __future__ import annotations

import socketserver
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator

_Server = TypeVar("_Server", bound=socketserver.BaseServer)


class Redis(socketserver.ThreadingTCPServer):
    """Redis' protocol over a dictionary; `seen` has the commands that came in."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, host: str, port: int = 0) -> None:
        self.data: dict[bytes, bytes] = {}
        self.expiry: dict[bytes, int] = {}
        self.seen: list[str] = []
        super().__init__((host, port), _RedisClient)

    def answer(self, name: str, arguments: list[bytes]) -> bytes | None:
        self.seen.append(name)
        match name:
            case "PING":
                return b"+PONG\r\n"
            case "HELLO":
                return b"%1\r\n$5\r\nproto\r\n:3\r\n"
            case "CLIENT":
                return b"+OK\r\n"
            case "SET":
                self.data[arguments[0]] = arguments[1]
                options = [argument.upper() for argument in arguments[2:]]
                if b"EX" in options:
                    self.expiry[arguments[0]] = int(arguments[2:][options.index(b"EX") + 1])
                return b"+OK\r\n"
            case "GET":
                return _bulk(self.data.get(arguments[0]))
            case "GETDEL":
                return _bulk(self.data.pop(arguments[0], None))
            case "DEL":
                return b":%d\r\n" % sum(self.data.pop(key, None) is not None for key in arguments)
            case _:
                return b"-ERR unknown command\r\n"


def _bulk(value: bytes | None) -> bytes | None:
    return None if value is None else b"$%d\r\n%s\r\n" % (len(value), value)


class _RedisClient(socketserver.StreamRequestHandler):
    server: Redis  # pyright: ignore[reportIncompatibleVariableOverride] - narrower: only Redis uses this handler

    def handle(self) -> None:
        nothing = b"$-1\r\n"
        while line := self.rfile.readline():
            words: list[bytes] = []
            for _ in range(int(line[1:])):
                length = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(length))
                self.rfile.read(2)
            name = words[0].decode().upper()
            if name == "HELLO":  # version 3 of the protocol has a null of its own
                nothing = b"_\r\n"
            self.wfile.write(self.server.answer(name, words[1:]) or nothing)


class Smtp(socketserver.ThreadingTCPServer):
    """An SMTP server that keeps the mails it gets."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        self.mails: list[str] = []
        super().__init__(("127.0.0.1", 0), _SmtpClient)


class _SmtpClient(socketserver.StreamRequestHandler):
    server: Smtp  # pyright: ignore[reportIncompatibleVariableOverride] - narrower: only Smtp uses this handler

    def handle(self) -> None:
        self.wfile.write(b"220 test\r\n")
        while line := self.rfile.readline():
            command = line[:4].upper()
            if command == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            if command == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines: list[bytes] = []
                while (text := self.rfile.readline()) not in {b".\r\n", b""}:
                    lines.append(text)
                self.server.mails.append(b"".join(lines).decode())
            self.wfile.write(b"250 ok\r\n")


@contextmanager
def running(server: _Server) -> Generator[_Server]:
    """Serve in a thread inside the block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
