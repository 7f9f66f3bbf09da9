"""The ingress controller's default backend: 404 for all that nobody serves, 200 for its own probe."""

from __future__ import annotations

from images.serving import environment
from images.serving.http import Application, serve, text_response


def application() -> Application:
    """`/healthz` answers `ok`, everything else `default backend - 404` with that status."""
    app = Application()
    app.route("*", "/healthz")(lambda _: text_response("ok"))
    app.fallback = lambda _: text_response("default backend - 404", 404)
    return app


if __name__ == "__main__":
    serve(application(), environment.port("PORT", 8080))
