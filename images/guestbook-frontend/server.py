"""The guestbook's frontend: one page and `guestbook.php`, which sets a key on the master and gets it from a slave."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import redis

from images.serving import environment
from images.serving.http import Application, HttpError, Request, Response, json_response, serve

PAGE = (Path(__file__).parent / "index.html").read_text(encoding="utf-8")


def host(role: str) -> str:
    """The DNS name of a role's Service, or with GET_HOSTS_FROM=env the address that Kubernetes puts into variables."""
    if environment.optional("GET_HOSTS_FROM", "dns") == "env":
        return environment.required(f"REDIS_{role.upper()}_SERVICE_HOST")
    return f"redis-{role}"


def connect(role: str) -> redis.Redis:
    """A new connection each time: a Service balances connections, so reads reach every slave."""
    port = environment.port("REDIS_PORT_NUMBER", 6379)
    return redis.Redis(host=host(role), port=port, socket_timeout=3, socket_connect_timeout=3, decode_responses=True)


def guestbook(request: Request) -> Response:
    """`?cmd=set&key=messages&value=…` writes to the master, `?cmd=get&key=messages` reads from a slave."""
    command, key = request.query.get("cmd", ""), request.query.get("key", "")
    if command not in {"set", "get"} or not key:
        raise HttpError(400, "ask with cmd=get&key=… or cmd=set&key=…&value=…")
    try:
        if command == "set":
            with connect("master") as master:
                master.set(key, request.query.get("value", ""))
            return json_response({"message": "Updated"})
        with connect("slave") as slave:
            value = cast("str | None", slave.get(key))
    except redis.RedisError as error:
        raise HttpError(503, f"{host('master' if command == 'set' else 'slave')} does not answer: {error}") from None
    return json_response({"data": value or ""})


def application() -> Application:
    """The page, the script, and a probe that does not ask Redis: a frontend without database is still a frontend."""
    app = Application()
    app.route("GET", "/")(lambda _: Response(PAGE))
    app.route("GET", "/index.html")(lambda _: Response(PAGE))
    app.route("GET", "/guestbook.php")(guestbook)
    app.route("GET", "/healthz")(lambda _: json_response({"status": "ok"}))
    return app


if __name__ == "__main__":
    serve(application(), environment.port("PORT", 80))
