"""The guestbook's frontend: one page and `guestbook.php`, which sets a key on the master and gets it from a slave."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import cast

import redis
from flask import Flask, Response, abort, jsonify, request

from images.serving import environment, web, wsgi


def host(role: str) -> str:
    """The DNS name of a role's Service, or with GET_HOSTS_FROM=env the address that Kubernetes puts into variables."""
    if environment.optional("GET_HOSTS_FROM", "dns") == "env":
        return environment.required(f"REDIS_{role.upper()}_SERVICE_HOST")
    return f"redis-{role}"


def connect(role: str) -> redis.Redis:
    """A new connection each time: a Service balances connections, so reads reach every slave."""
    return redis.Redis(
        host=host(role),
        port=environment.port("REDIS_PORT_NUMBER", 6379),
        socket_timeout=3,
        socket_connect_timeout=3,
        decode_responses=True,
        # What somebody else wrote there is shown as far as it is text.
        encoding_errors="replace",
    )


def guestbook() -> Response:
    """`?cmd=set&key=messages&value=…` writes to the master, `?cmd=get&key=messages` reads from a slave.

    The page sends the fields as a form: a query has room for some thousand characters only.
    """
    command, key = request.values.get("cmd", ""), request.values.get("key", "")
    if command not in {"set", "get"} or not key:
        abort(400, "ask with cmd=get&key=… or cmd=set&key=…&value=…")
    role = "master" if command == "set" else "slave"
    try:
        with connect(role) as server:
            if role == "slave":
                return jsonify(data=cast("str | None", server.get(key)) or "")
            if request.method != "HEAD":
                server.set(key, request.values.get("value", ""))
            return jsonify(message="Updated")
    except redis.RedisError as error:
        wsgi.log("redis", host=host(role), error=str(error))
        abort(503, f"{host(role)} does not answer")


def application() -> Flask:
    """The page, the script, and a probe that does not ask Redis: a frontend without database is still a frontend."""
    app = web.application(Path(__file__).parent)
    page = partial(web.page, "guestbook.html")
    app.add_url_rule("/", "page", page)
    app.add_url_rule("/index.html", "page", page)
    app.add_url_rule("/guestbook.php", view_func=guestbook, methods=["GET", "POST"])
    app.add_url_rule("/healthz", "health", lambda: {"status": "ok"})
    return app


if __name__ == "__main__":
    wsgi.serve(application(), environment.port("PORT", 80))
