"""http-debug-server: answers every request with what it was asked, as JSON, and its own host name."""

from __future__ import annotations

import socket

from images.serving import environment
from images.serving.http import Application, Request, Response, json_response, serve

HOSTNAME = socket.gethostname()


def tell(request: Request) -> Response:
    """The request as the pod saw it."""
    return json_response(
        {
            "hostname": HOSTNAME,
            "method": request.method,
            "path": request.path,
            "query": dict(request.query),
            "headers": dict(request.headers),
            "body": request.body.decode("utf-8", "replace"),
        }
    )


def application() -> Application:
    """Every path and method gets the same answer; /healthz is for probes."""
    app = Application()
    app.route("GET", "/healthz")(lambda _: json_response({"status": "ok"}))
    app.fallback = tell
    return app


if __name__ == "__main__":
    serve(application(), environment.port("PORT", 3000))
