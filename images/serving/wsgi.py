"""Serving a Flask application with gunicorn: one process of threads, a log in JSON, a stop that loses no request."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

from gunicorn import glogging, util
from gunicorn.app.base import BaseApplication
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine
from gunicorn.workers.gthread import ThreadWorker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from types import FrameType

    from flask import Flask

THREADS = 32
KEEP_SECONDS = 75
"""How long an idle connection is kept."""
RECEIVE_SECONDS = 30
"""How long a request may pause while it is sent."""
DRAIN_SECONDS = 1.0
"""How long a stopping server still answers, each time with `Connection: close`: clients go elsewhere by themselves."""
_SETTINGS = {
    "workers": 1,
    "threads": THREADS,
    "keepalive": KEEP_SECONDS,
    # Within the pod's own 30 seconds, of which the pause before the signal takes 5.
    "graceful_timeout": 20,
    # The heartbeat's file: the root file system is read-only, this is memory in every pod.
    "worker_tmp_dir": "/dev/shm",  # noqa: S108 - a directory of the container
    "worker_class": "images.serving.wsgi.Worker",
    "limit_request_line": 8190,
    "loglevel": "warning",
    "accesslog": "-",
    # From version 24: a socket for commands, in the home directory.
    "control_socket_disable": True,
}
# Probes come every second: they are not logged unless they fail.
_QUIET_PATHS = {"/healthz", "/health", "/ready", "/health_check", "/api/health"}


def log(event: str, **fields: object) -> None:
    """One line of JSON on standard output."""
    print(
        json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event, **fields}), flush=True
    )


class Logger(glogging.Logger):
    """gunicorn's messages as they are, requests as JSON: a path that holds a line break is no second line."""

    def access(self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: timedelta) -> None:
        """Log one request; without its query, which may be somebody's secret."""
        path, status = str(environ["PATH_INFO"]), int(str(resp.status).split()[0])
        if path in _QUIET_PATHS and status < 400:
            return
        log(
            "request",
            method=req.method,
            path=path,
            status=status,
            ms=round(request_time.total_seconds() * 1000, 1),
            client=environ.get("REMOTE_ADDR", ""),
        )


class Worker(ThreadWorker):
    """gunicorn's worker of threads, for clients that keep their connections."""

    def run(self) -> None:
        """Serve until stopped."""
        for listener in self.sockets:
            # A connection that sends nothing (browsers open some ahead) must not hold a thread: it is accepted with
            # its first byte.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, KEEP_SECONDS)
            # Nor one that stops in the middle of a request; accepted connections inherit this.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", RECEIVE_SECONDS, 0))
        super().run()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: end every connection with its next answer, then stop; requests under way end in any case."""
        # Not by keepalive = 0: that ends at once what was answered a moment before as a connection to be kept.
        self.max_keepalived = 0
        threading.Timer(DRAIN_SECONDS, super().handle_exit, (sig, frame)).start()

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """What could not be read: too much of it by its own status (RFC 6585, 5; RFC 9110, 15.5.15), not by 400."""
        if isinstance(exc, LimitRequestHeaders):
            util.write_error(client, 431, "Request Header Fields Too Large", str(exc))
        elif isinstance(exc, LimitRequestLine):
            util.write_error(client, 414, "URI Too Long", str(exc))
        else:
            super().handle_error(req, client, addr, exc)


class _Gunicorn(BaseApplication):
    """As https://docs.gunicorn.org/en/stable/custom.html has it."""

    def __init__(self, application: Flask, port: int) -> None:
        self._application, self._port = application, port
        super().__init__()

    def load_config(self) -> None:
        values = {**_SETTINGS, "bind": f"0.0.0.0:{self._port}", "logger_class": Logger}
        for name, value in values.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        return self._application


def serve(application: Flask, port: int) -> None:
    """Serve on all addresses until SIGTERM or SIGINT; never returns."""
    _Gunicorn(application, port).run()
