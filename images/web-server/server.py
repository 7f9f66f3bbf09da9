"""The todo app: a page and a REST interface. Every endpoint under /api but the sign-in wants a token that auth issued."""

from __future__ import annotations

import http.client
import json
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import jwt
from gridstore import Gridstore, StoreError

from images.serving import environment
from images.serving.http import Application, HttpError, Request, Response, json_response, serve

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (Path(__file__).parent / "index.html").read_text(encoding="utf-8")
CONTAINER = "todos"
COOKIE = "token"
ISSUER, AUDIENCE = "auth", "web-server"
MAX_TITLE = 200


def ask_auth(url: str, body: dict[str, Any]) -> str:
    """A token from auth for what the person typed.

    Raises:
        HttpError: auth refuses (with its words), or does not answer (503).
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=5)
    try:
        connection.request("POST", "/token", json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content: dict[str, Any] = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise HttpError(503, f"auth at {url} does not answer: {error}") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise HttpError(answer.status, str(content.get("error", "auth refuses")))
    return str(content["token"])


def user_of(request: Request, key: str) -> str:
    """The person whose valid token the request carries (`Authorization: Bearer …`, or the page's cookie).

    Raises:
        HttpError: 401 without a valid token.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = request.cookies.get(COOKIE, "")
    if not token:
        raise HttpError(401, "no token: sign in first")
    try:
        claims = jwt.decode(token, key, algorithms=["HS256"], audience=AUDIENCE, issuer=ISSUER)
    except jwt.InvalidTokenError as error:
        raise HttpError(401, f"the token is not valid: {error}") from None
    return str(claims["sub"])


def _title(body: dict[str, Any]) -> str:
    title = body.get("title")
    if not isinstance(title, str) or not title.strip() or len(title) > MAX_TITLE:
        raise HttpError(400, f"title is missing, empty or longer than {MAX_TITLE} characters")
    return title.strip()


class Todos:
    """The REST interface: each person sees the own todos only."""

    def __init__(self, store: Gridstore) -> None:
        self._store = store

    def list(self, user: str, _request: Request) -> Response:
        """All todos, the oldest first."""
        rows = self._store.query(CONTAINER, user=user)
        todos = [{"id": entry["key"], **entry["row"]} for entry in rows]
        return json_response({"todos": sorted(todos, key=lambda todo: (todo["created"], todo["id"]))})

    def add(self, user: str, request: Request) -> Response:
        """A new todo from `{"title": "…"}`."""
        row = {"user": user, "title": _title(request.json()), "done": False, "created": time.time()}
        key = uuid.uuid4().hex
        self._store.put(CONTAINER, key, row)
        return json_response({"id": key, **row}, 201)

    def change(self, user: str, request: Request) -> Response:
        """Another title or `done`."""
        key, row = self._own(user, request)
        body = request.json()
        if "title" in body:
            row["title"] = _title(body)
        if "done" in body:
            if not isinstance(body["done"], bool):
                raise HttpError(400, "done is true or false")
            row["done"] = body["done"]
        self._store.put(CONTAINER, key, row)
        return json_response({"id": key, **row})

    def remove(self, user: str, request: Request) -> Response:
        """No such todo any more."""
        key, _ = self._own(user, request)
        self._store.delete(CONTAINER, key)
        return json_response({"id": key})

    def _own(self, user: str, request: Request) -> tuple[str, dict[str, Any]]:
        key = request.parameters["id"]
        row = self._store.get(CONTAINER, key)
        if row is None or row["user"] != user:
            raise HttpError(404, f"there is no todo {key}")
        return key, row


def application(key: str, auth_url: str, store: Gridstore) -> Application:
    """The page, the sign-in, and the todos behind the token."""
    app = Application()
    todos = Todos(store)

    def guarded(action: Callable[[str, Request], Response]) -> Callable[[Request], Response]:
        def handle(request: Request) -> Response:
            user = user_of(request, key)
            try:
                return action(user, request)
            except StoreError as error:
                raise HttpError(503, str(error)) from None

        return handle

    def sign_in(request: Request) -> Response:
        body = request.json()
        token = ask_auth(auth_url, {"user": body.get("user"), "password": body.get("password", "")})
        cookie = f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict"
        return json_response({"token": token}, headers=(("Set-Cookie", cookie),))

    app.route("GET", "/")(lambda _: Response(PAGE))
    app.route("GET", "/healthz")(lambda _: json_response({"status": "ok"}))
    app.route("POST", "/api/signin")(sign_in)
    app.route("GET", "/api/todos")(guarded(todos.list))
    app.route("POST", "/api/todos")(guarded(todos.add))
    app.route("PATCH", "/api/todos/{id}")(guarded(todos.change))
    app.route("DELETE", "/api/todos/{id}")(guarded(todos.remove))
    return app


def main() -> None:
    """Serve until SIGTERM."""
    store = Gridstore(
        environment.optional("GRIDDB_HOST", "griddb-server"),
        environment.port("GRIDDB_PORT", 10001),
        environment.optional("GRIDDB_CLUSTER_NAME", "myCluster"),
    )
    auth_url = environment.optional("AUTH_URL", "http://auth:2828")
    if not auth_url.startswith("http://"):
        environment.fail(f"AUTH_URL={auth_url!r}: write http://host:port")
    serve(application(environment.required("TOKEN_KEY"), auth_url, store), environment.port("PORT", 8000))


if __name__ == "__main__":
    main()
