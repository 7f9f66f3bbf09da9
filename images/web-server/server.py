"""The todo app: a page and a REST interface, which wants a token that auth issued (`Authorization: Bearer …`).

| request                                        | answer                                            |
| ---------------------------------------------- | ------------------------------------------------- |
| `POST /api/signin` `{"user": "anna"}`           | what auth answers: `{"token": "…", …}`            |
| `GET /api/todos`                               | `{"todos": [{"id", "title", "done", "created"}]}` |
| `POST /api/todos` `{"title": "milk"}`          | 201 and the new todo                              |
| `PATCH /api/todos/<id>` `{"done": true}`       | the changed todo (`title` may change as well)     |
| `DELETE /api/todos/<id>`                       | 204                                               |
| `GET /healthz`                                 | 200 while this process serves                     |

Each user sees the own todos only. Errors are `{"error": "…"}`: 400, 401 (no valid token), 404, 503 (auth or the
database does not answer).
"""

from __future__ import annotations

import http.client
import json
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from gridstore import Gridstore, StoreError
from tokens import TokenError, verify

from images.serving import environment
from images.serving.http import Application, HttpError, Request, Response, json_response, serve

if TYPE_CHECKING:
    from collections.abc import Callable

    UserAction = Callable[[str, Request], Response]

STATIC = Path(__file__).parent / "static"
CONTAINER = "todos"
ISSUER = "auth"
MAX_TITLE = 200
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_PAGE_HEADERS = (
    ("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"),
    ("Cache-Control", "no-cache"),
)


class Issuer:
    """auth, asked over HTTP."""

    def __init__(self, url: str, timeout: float = 3.0) -> None:
        self._url = url
        self._host = urlsplit(url)
        self._timeout = timeout

    def token(self, user: object) -> dict[str, Any]:
        """Its answer with a token for the user.

        Raises:
            HttpError: it refuses (with its words), or does not answer (503).
        """
        connection = http.client.HTTPConnection(self._host.hostname or "", self._host.port or 80, timeout=self._timeout)
        try:
            connection.request("POST", "/token", json.dumps({"user": user}), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content: object = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise HttpError(503, f"auth at {self._url} does not answer: {error}") from None
        finally:
            connection.close()
        if not isinstance(content, dict):
            raise HttpError(503, f"auth at {self._url} does not answer as it should")
        fields = cast("dict[str, Any]", content)
        if answer.status == 200:
            return fields
        raise HttpError(400 if answer.status == 400 else 503, str(fields.get("error", "auth refuses")))


def _title(body: dict[str, Any]) -> str:
    title: object = body.get("title")
    if not isinstance(title, str) or not title.strip() or len(title.strip()) > MAX_TITLE:
        raise HttpError(400, f"title is missing, empty or longer than {MAX_TITLE} characters")
    return title.strip()


class Todos:
    """The todos of each user."""

    def __init__(self, store: Gridstore) -> None:
        self._store = store

    def list(self, user: str, _request: Request) -> Response:
        """All, the oldest first."""
        todos = [_public(entry["key"], entry["row"]) for entry in self._store.query(CONTAINER, user=user)]
        return json_response({"todos": sorted(todos, key=lambda todo: (todo["created"], todo["id"]))})

    def add(self, user: str, request: Request) -> Response:
        """A new one."""
        row = {"user": user, "title": _title(request.json()), "done": False, "created": time.time()}
        key = uuid.uuid4().hex
        self._store.put(CONTAINER, key, row)
        return json_response(_public(key, row), 201)

    def change(self, user: str, request: Request) -> Response:
        """Another `title` or `done`."""
        key, row = self._own(user, request)
        body = request.json()
        if not {"title", "done"} & set(body):
            raise HttpError(400, "send title or done")
        if "title" in body:
            row["title"] = _title(body)
        if "done" in body:
            if not isinstance(body["done"], bool):
                raise HttpError(400, "done is true or false")
            row["done"] = body["done"]
        self._store.put(CONTAINER, key, row)
        return json_response(_public(key, row))

    def remove(self, user: str, request: Request) -> Response:
        """One less."""
        key, _ = self._own(user, request)
        self._store.delete(CONTAINER, key)
        return Response(status=204)

    def _own(self, user: str, request: Request) -> tuple[str, dict[str, Any]]:
        key = request.parameters["id"]
        row = self._store.get(CONTAINER, key)
        if row is None or row["user"] != user:
            raise HttpError(404, f"there is no todo {key}")
        return key, row


def _public(key: str, row: dict[str, Any]) -> dict[str, Any]:
    return {"id": key, "title": row["title"], "done": row["done"], "created": row["created"]}


def _file(path: Path) -> Callable[[Request], Response]:
    response = Response(path.read_bytes(), content_type=f"{_TYPES[path.suffix]}; charset=utf-8", headers=_PAGE_HEADERS)
    return lambda _: response


def application(key: bytes, issuer: Issuer, store: Gridstore, now: Callable[[], float] = time.time) -> Application:
    """The page, the way to a token, and the todos behind it.

    Args:
        key: the key of the tokens, shared with auth.
        issuer: auth.
        store: the database.
        now: the clock, in seconds since 1970.
    """
    todos = Todos(store)

    def guarded(action: UserAction) -> Callable[[Request], Response]:
        def handle(request: Request) -> Response:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer":
                raise HttpError(401, "no token: send Authorization: Bearer with one from POST /api/signin")
            try:
                return action(verify(token.strip(), key, ISSUER, now()), request)
            except TokenError as error:
                raise HttpError(401, str(error)) from None
            except StoreError as error:
                raise HttpError(503, str(error)) from None

        return handle

    app = Application()
    app.route("GET", "/")(_file(STATIC / "index.html"))
    app.route("GET", "/todo.css")(_file(STATIC / "todo.css"))
    app.route("GET", "/todo.js")(_file(STATIC / "todo.js"))
    app.route("GET", "/healthz")(lambda _: json_response({"status": "ok"}))
    app.route("POST", "/api/signin")(
        lambda request: json_response(
            issuer.token(request.json().get("user")), headers=(("Cache-Control", "no-store"),)
        )
    )
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
    if not auth_url.startswith("http://") or not urlsplit(auth_url).hostname:
        environment.fail(f"AUTH_URL={auth_url!r}: write http://host:port")
    key = environment.required("TOKEN_KEY").encode()
    serve(application(key, Issuer(auth_url), store), environment.port("PORT", 8000), store.close)


if __name__ == "__main__":
    main()
