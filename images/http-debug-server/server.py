"""http-debug-server: answers every request with what it was asked, as JSON, and its own host name."""

from __future__ import annotations

import socket
from pathlib import Path

from flask import Flask, Response, jsonify, request

from images.serving import environment, web, wsgi

HOSTNAME = socket.gethostname()


def application() -> Flask:
    """Every path and method gets the same answer; /healthz is for probes."""
    app = web.application(Path(__file__).parent)

    @app.before_request
    def tell() -> Response:  # pyright: ignore[reportUnusedFunction] - Flask calls it, for every method and path
        if request.path == "/healthz":
            return jsonify(status="ok")
        return jsonify(
            hostname=HOSTNAME,
            method=request.method,
            path=request.path,
            query={name: request.args.getlist(name)[-1] for name in request.args},
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.get_data().decode("utf-8", "replace"),
        )

    return app


if __name__ == "__main__":
    wsgi.serve(application(), environment.port("PORT", 3000))
