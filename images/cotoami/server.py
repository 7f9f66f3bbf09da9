"""Cotoami's stand-in: sign in by a mailed link, then write and list cotos and cotonomas."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from images.cotoami import settings as configuration
from images.cotoami.mail import Mailer, MailError
from images.cotoami.sessions import SESSION_SECONDS, SessionError, Sessions
from images.cotoami.store import DuplicateError, Notes, StoreError
from images.serving.http import Application, HttpError, Request, Response, json_response, redirect, serve

if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[[Request], Response]

PAGE = (Path(__file__).parent / "index.html").read_text(encoding="utf-8")
COOKIE = "_cotoami_key"
MAX_CONTENT = 2800
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


class NotesLike(Protocol):
    """What the pages need of the database (`store.Notes`)."""

    def check(self) -> None: ...
    def amishi(self, email: str) -> dict[str, Any]: ...
    def knows(self, email: str) -> bool: ...
    def cotos(self, amishi_id: str, cotonoma_key: str | None = None) -> list[dict[str, Any]]: ...
    def post_coto(self, amishi_id: str, content: str, cotonoma_key: str | None) -> dict[str, Any] | None: ...
    def delete_coto(self, amishi_id: str, coto_id: str) -> bool: ...
    def cotonomas(self, amishi_id: str) -> list[dict[str, Any]]: ...
    def post_cotonoma(self, amishi_id: str, name: str) -> dict[str, Any]: ...


def _translated(handler: Handler) -> Handler:
    """A missing neighbour is a 503 that names it."""

    def handle(request: Request) -> Response:
        try:
            return handler(request)
        except (StoreError, SessionError, MailError) as error:
            raise HttpError(503, str(error)) from None

    return handle


def _text(body: dict[str, Any], outer: str, name: str, limit: int) -> str:
    """A text of the body, directly or in the object that Cotoami's own page wraps it in."""
    inner: object = body.get(outer)
    value: object = body.get(name)
    if isinstance(inner, dict):
        value = inner.get(name)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - checked below
    if not isinstance(value, str) or not value.strip() or len(value) > limit:
        raise HttpError(400, f"{name} is missing, empty or longer than {limit} characters")
    return value.strip()


class Cotoami:
    """The app's handlers."""

    def __init__(
        self, notes: NotesLike, sessions: Sessions, mailer: Mailer, base_url: str, *, signup_enabled: bool
    ) -> None:
        self._notes = notes
        self._sessions = sessions
        self._mailer = mailer
        self._base_url = base_url
        self._signup_enabled = signup_enabled

    def health(self, _request: Request) -> Response:
        """200 if PostgreSQL and Redis answer."""
        self._notes.check()
        self._sessions.check()
        return json_response({"status": "ok"})

    def request_signin(self, request: Request) -> Response:
        """Send the link to an address."""
        email = request.parameters["email"].lower()
        if not _EMAIL.fullmatch(email):
            raise HttpError(400, f"{email!r} is no mail address")
        # An unknown address gets the same answer: who has an account is nobody's business.
        if self._signup_enabled or self._notes.knows(email):
            token = self._sessions.new_signin(email)
            self._mailer.send_signin(email, f"{self._base_url}/signin/{token}")
        return json_response({"status": "ok"})

    def signin(self, request: Request) -> Response:
        """The mailed link: a session, and on to the page."""
        email = self._sessions.take_signin(request.parameters["token"])
        if email is None:
            raise HttpError(404, "this link was used already or is older than a day; ask for a new one")
        cookie = self._sessions.create(self._notes.amishi(email))
        secure = "; Secure" if self._base_url.startswith("https:") else ""
        value = f"{COOKIE}={cookie}; Path=/; Max-Age={SESSION_SECONDS}; HttpOnly; SameSite=Lax{secure}"
        return redirect("/", (("Set-Cookie", value),))

    def signout(self, request: Request) -> Response:
        """No session any more."""
        self._sessions.end(request.cookies.get(COOKIE, ""))
        return redirect("/", (("Set-Cookie", f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"),))

    def session(self, request: Request) -> Response:
        """Who is signed in."""
        return json_response({"amishi": self._signed_in(request)})

    def _signed_in(self, request: Request) -> dict[str, Any]:
        amishi = self._sessions.find(request.cookies.get(COOKIE, ""))
        if amishi is None:
            raise HttpError(401, "not signed in")
        return amishi

    def list_cotos(self, request: Request) -> Response:
        """The newest cotos, of all or of one cotonoma."""
        amishi = self._signed_in(request)
        return json_response({"cotos": self._notes.cotos(amishi["id"], request.parameters.get("key"))})

    def post_coto(self, request: Request) -> Response:
        """A new coto from `{"content": …}`, in a cotonoma with `cotonoma_key`."""
        amishi = self._signed_in(request)
        body = request.json()
        key = body.get("cotonoma_key")
        coto = self._notes.post_coto(
            amishi["id"], _text(body, "coto", "content", MAX_CONTENT), key if isinstance(key, str) else None
        )
        if coto is None:
            raise HttpError(404, f"there is no cotonoma {key}")
        return json_response(coto, 201)

    def delete_coto(self, request: Request) -> Response:
        """No such coto any more."""
        amishi = self._signed_in(request)
        if not self._notes.delete_coto(amishi["id"], request.parameters["id"]):
            raise HttpError(404, f"there is no coto {request.parameters['id']}")
        return json_response({"id": request.parameters["id"]})

    def list_cotonomas(self, request: Request) -> Response:
        """All cotonomas."""
        return json_response({"cotonomas": self._notes.cotonomas(self._signed_in(request)["id"])})

    def post_cotonoma(self, request: Request) -> Response:
        """A new cotonoma from `{"name": …}`."""
        amishi = self._signed_in(request)
        name = _text(request.json(), "cotonoma", "name", 50)
        try:
            return json_response(self._notes.post_cotonoma(amishi["id"], name), 201)
        except DuplicateError:
            raise HttpError(409, f"there is a cotonoma named {name!r} already") from None


def application(cotoami: Cotoami) -> Application:
    """Cotoami's paths, as far as the stand-in has them."""
    app = Application()
    app.route("GET", "/")(lambda _: Response(PAGE))
    for method, path, handler in (
        ("GET", "/health_check", cotoami.health),
        ("GET", "/signin/{token}", cotoami.signin),
        ("GET", "/signout", cotoami.signout),
        ("GET", "/api/public/session", cotoami.session),
        ("GET", "/api/public/signin/request/{email}", cotoami.request_signin),
        ("GET", "/api/cotos", cotoami.list_cotos),
        ("POST", "/api/cotos", cotoami.post_coto),
        ("DELETE", "/api/cotos/{id}", cotoami.delete_coto),
        ("GET", "/api/cotonomas", cotoami.list_cotonomas),
        ("POST", "/api/cotonomas", cotoami.post_cotonoma),
        ("GET", "/api/cotonomas/{key}/cotos", cotoami.list_cotos),
    ):
        app.route(method, path)(_translated(handler))
    return app


def main() -> None:
    """Serve until SIGTERM."""
    settings = configuration.read()
    cotoami = Cotoami(
        Notes(settings.database),
        Sessions(settings.redis_host, settings.redis_port, settings.secret),
        Mailer(settings.smtp),
        settings.base_url,
        signup_enabled=settings.signup_enabled,
    )
    serve(application(cotoami), settings.port)


if __name__ == "__main__":
    main()
