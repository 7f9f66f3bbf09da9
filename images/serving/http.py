"""A small HTTP/1.1 server: routes, cookies, JSON, an access log, and a stop that lets requests under way end."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

MAX_BODY = 1 << 20
_STOP_SECONDS = 20.0
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
# Probes come every second: they are not logged unless they fail.
_QUIET_PATHS = {"/healthz", "/health", "/ready", "/health_check", "/api/health"}


class HttpError(Exception):
    """An answer that is not a success; `message` is what the client is told."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Request:
    """A request with its body read. `path` is decoded, header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    """The parts of the path that the route names in braces."""

    @property
    def cookies(self) -> dict[str, str]:
        """Cookies by name; a malformed header counts as none."""
        try:
            return {name: morsel.value for name, morsel in SimpleCookie(self.headers.get("cookie", "")).items()}
        except CookieError:
            return {}

    def json(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            HttpError: 400 if it is none.
        """
        try:
            value: object = json.loads(self.body)
        except ValueError:
            raise HttpError(400, "the body is not JSON") from None
        if not isinstance(value, dict):
            raise HttpError(400, "the body is not a JSON object")
        return cast("dict[str, Any]", value)

    def form(self) -> dict[str, str]:
        """The body of an HTML form, the last value of each field."""
        return _last_values(self.body.decode("utf-8", "replace"))


@dataclass(frozen=True)
class Response:
    """An answer. `headers` may repeat a name (Set-Cookie)."""

    body: str | bytes = b""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


def json_response(value: object, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """A JSON answer."""
    return Response(json.dumps(value, ensure_ascii=False) + "\n", status, "application/json", headers)


def text_response(text: str, status: int = 200) -> Response:
    """A plain text answer."""
    return Response(text, status, "text/plain; charset=utf-8")


def redirect(location: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Send the browser elsewhere with a GET."""
    return Response("", 303, headers=(("Location", location), *headers))


if TYPE_CHECKING:
    Handler = Callable[[Request], Response]


class Application:
    """Routes of a server.

    A route's path may name parts: `/todos/{id}`; `{rest...}` at the end takes all that follows.
    """

    def __init__(self) -> None:
        self._routes: list[tuple[str, list[str], Handler]] = []
        self.fallback: Handler | None = None
        """Answers what no route does; without one that is 404."""

    def route(self, method: str, path: str) -> Callable[[Handler], Handler]:
        """Register the decorated function for a method and path; `*` is any method."""

        def register(handler: Handler) -> Handler:
            self._routes.append((method, path.strip("/").split("/"), handler))
            return handler

        return register

    def answer(self, request: Request) -> Response:
        """The answer to a request; errors become answers here."""
        try:
            return self._dispatch(request)
        except HttpError as error:
            return json_response({"error": error.message}, error.status)
        except Exception:  # noqa: BLE001 - whatever fails, the client gets an answer and the log the reason
            traceback.print_exc()
            return json_response({"error": "internal error; the server's log has the reason"}, 500)

    def _dispatch(self, request: Request) -> Response:
        parts = request.path.strip("/").split("/")
        allowed: set[str] = set()
        method = "GET" if request.method == "HEAD" else request.method
        for route_method, pattern, handler in self._routes:
            found = _match(pattern, parts)
            if found is None:
                continue
            if route_method in {"*", method}:
                return handler(
                    Request(request.method, request.path, request.query, request.headers, request.body, found)
                )
            allowed.add(route_method)
        if self.fallback is not None:
            return self.fallback(request)
        if allowed:
            raise HttpError(405, f"{request.path} answers {', '.join(sorted(allowed))} only")
        raise HttpError(404, f"there is nothing at {request.path}")


def _match(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    found: dict[str, str] = {}
    for index, expected in enumerate(pattern):
        if expected.endswith("...}"):
            found[expected[1:-4]] = "/".join(parts[index:])
            return found
        if index >= len(parts):
            return None
        if expected.startswith("{"):
            if not parts[index]:
                return None
            found[expected[1:-1]] = parts[index]
        elif expected != parts[index]:
            return None
    return found if len(parts) == len(pattern) else None


def _last_values(text: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}


class Server(ThreadingHTTPServer):
    """Serves an `Application` until `stop` is called or SIGTERM arrives."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, application: Application, port: int, host: str = "0.0.0.0") -> None:  # noqa: S104 - a pod's network is its own
        self.application = application
        self.stopping = threading.Event()
        self._active = 0
        self._idle = threading.Condition()
        super().__init__((host, port), _Handler)

    @property
    def port(self) -> int:
        """The port it listens on, which the system chose if 0 was asked for."""
        return int(self.server_address[1])

    def request_begins(self) -> None:
        with self._idle:
            self._active += 1

    def request_ends(self) -> None:
        with self._idle:
            self._active -= 1
            self._idle.notify_all()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the base class's signature
        """A client that went away is no news; anything else is."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            traceback.print_exc()

    def stop(self) -> None:
        """Accept no more connections; `run` returns when the requests under way have ended."""
        if not self.stopping.is_set():
            self.stopping.set()
            threading.Thread(target=self.shutdown).start()

    def run(self) -> None:
        """Serve until stopped, then wait for the requests under way, 20 s at most."""
        self.serve_forever(poll_interval=0.1)
        self.server_close()
        deadline = time.monotonic() + _STOP_SECONDS
        with self._idle:
            while self._active and time.monotonic() < deadline:
                self._idle.wait(deadline - time.monotonic())

    def server_close(self) -> None:
        """Close the listening socket only: threads of kept-alive connections are not waited for."""
        self.socket.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 75  # seconds that an idle connection is kept
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride] - narrower: only Server uses this handler

    def _serve(self) -> None:
        self.server.request_begins()
        try:
            self._answer()
        finally:
            self.server.request_ends()

    def __getattr__(self, name: str) -> Callable[[], None]:
        """The base class calls `do_<method>`; every method goes the same way."""
        if name.removeprefix("do_") in _METHODS:
            return self._serve
        raise AttributeError(name)

    def _answer(self) -> None:
        started = time.monotonic()
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._send(json_response({"error": f"a body has a Content-Length, at most {MAX_BODY}"}, 413), started)
            return
        url = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=unquote(url.path),
            query=_last_values(url.query),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(length)),
        )
        self._send(self.server.application.answer(request), started)

    def _send(self, response: Response, started: float) -> None:
        body = response.body.encode() if isinstance(response.body, str) else response.body
        if self.server.stopping.is_set():
            self.close_connection = True
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in response.headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        path = urlsplit(self.path).path
        if path not in _QUIET_PATHS or response.status >= 400:
            log(
                "request",
                method=self.command,
                path=path,
                status=response.status,
                ms=round(1000 * (time.monotonic() - started), 1),
                client=self.client_address[0],
            )

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: `_send` logs each request with its time."""

    def version_string(self) -> str:
        """The Server header: no versions."""
        return "slipway"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """The base class's own log lines (malformed requests)."""
        log("http", message=format % args)


def log(event: str, **fields: object) -> None:
    """One line of JSON on standard output."""
    print(
        json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event, **fields}), flush=True
    )


def serve(application: Application, port: int, on_stop: Callable[[], None] | None = None) -> None:
    """Serve on all addresses until SIGTERM or SIGINT, then run `on_stop`. Ends the program if the port is taken."""
    try:
        server = Server(application, port)
    except OSError as error:
        sys.exit(f"error: cannot listen on port {port}: {error.strerror}")

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        server.stop()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    log("listening", port=server.port)
    server.run()
    if on_stop is not None:
        on_stop()
    log("stopped")
