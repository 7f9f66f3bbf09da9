"""The ingress controller's default backend: 404 for all that nobody serves, 200 for its own probe."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response, request

from images.serving import environment, web, wsgi


def application() -> Flask:
    """`/healthz` answers `ok`, everything else `default backend - 404` with that status."""
    app = web.application(Path(__file__).parent)

    @app.before_request
    def answer() -> Response:  # pyright: ignore[reportUnusedFunction] - Flask calls it, for every method and path
        if request.path == "/healthz":
            return Response("ok", mimetype="text/plain")
        return Response("default backend - 404", 404, mimetype="text/plain")

    return app


if __name__ == "__main__":
    wsgi.serve(application(), environment.port("PORT", 8080))
