"""Cotoami's stand-in: sign in by a mailed link, then write, change, remove and list cotos and cotonomas."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from flask import Flask, Response, abort, jsonify, redirect, request

from images.cotoami import settings as configuration
from images.cotoami.mail import Mailer, MailError
from images.cotoami.sessions import SESSION_SECONDS, SessionError, Sessions
from images.cotoami.store import DuplicateError, Notes, StoreError
from images.serving import web, wsgi

if TYPE_CHECKING:
    from uuid import UUID

    from werkzeug.wrappers import Response as AnyResponse

    from images.cotoami.address import Address

COOKIE = "_cotoami_key"
MAX_CONTENT = 2800
MAX_NAME = 50
# https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address, and no more than RFC 5321 has room for.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_EMAIL = re.compile(rf"[a-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*")
_MAX_EMAIL = 254


class NotesLike(Protocol):
    """What the pages need of the database (`store.Notes`)."""

    def check(self) -> None: ...
    def amishi(self, email: str) -> dict[str, Any]: ...
    def knows(self, email: str) -> bool: ...
    def cotos(self, amishi_id: str, cotonoma_key: str | None = None) -> list[dict[str, Any]]: ...
    def post_coto(self, amishi_id: str, content: str, cotonoma_key: str | None) -> dict[str, Any] | None: ...
    def change_coto(self, amishi_id: str, coto_id: UUID, content: str) -> dict[str, Any] | None: ...
    def delete_coto(self, amishi_id: str, coto_id: UUID) -> bool: ...
    def cotonomas(self, amishi_id: str) -> list[dict[str, Any]]: ...
    def post_cotonoma(self, amishi_id: str, name: str) -> dict[str, Any]: ...
    def rename_cotonoma(self, amishi_id: str, key: str, name: str) -> dict[str, Any] | None: ...
    def delete_cotonoma(self, amishi_id: str, key: str) -> bool: ...


def _text(outer: str, name: str, limit: int) -> str:
    """A text of the body, directly or in the object that Cotoami's own page wraps it in."""
    body = web.json_body()
    inner: object = body.get(outer)
    value: object = body.get(name)
    if isinstance(inner, dict):
        value = inner.get(name)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - checked below
    return web.storable(name, value, limit)  # pyright: ignore[reportUnknownArgumentType]


_content = partial(_text, "coto", "content", MAX_CONTENT)
_name = partial(_text, "cotonoma", "name", MAX_NAME)


class Cotoami:
    """The app's handlers."""

    def __init__(
        self, notes: NotesLike, sessions: Sessions, mailer: Mailer, address: Address, *, signup_enabled: bool
    ) -> None:
        self._notes = notes
        self._sessions = sessions
        self._mailer = mailer
        self._address = address
        self._signup_enabled = signup_enabled

    def health(self) -> Response:
        """200 if PostgreSQL and Redis answer."""
        self._notes.check()
        self._sessions.check()
        return jsonify(status="ok")

    def request_signin(self, email: str) -> Response:
        """Send the link to an address."""
        email = email.lower()
        if len(email) > _MAX_EMAIL or not _EMAIL.fullmatch(email):
            abort(400, f"{email[:_MAX_EMAIL]!r} is no mail address")
        # An unknown address gets the same answer: who has an account is nobody's business.
        if request.method != "HEAD" and (self._signup_enabled or self._notes.knows(email)):
            token = self._sessions.new_signin(email)
            self._mailer.send_signin(email, f"{self._address.of(request.scheme, request.host)}/signin/{token}")
        return jsonify(status="ok")

    def signin(self, token: str) -> AnyResponse:
        """The mailed link: a session, and on to the page."""
        if request.method == "HEAD":
            return Response()
        email = self._sessions.take_signin(token)
        if email is None:
            return web.page(
                "message.html",
                404,
                title="This link does not sign in",
                message="It was used already, is older than a day, or is not whole.",
                way="Ask for a new link",
            )
        answer = redirect("/", 303)
        cookie = self._sessions.create(self._notes.amishi(email))
        answer.set_cookie(
            COOKIE, cookie, max_age=SESSION_SECONDS, httponly=True, samesite="Lax", secure=request.scheme == "https"
        )
        return answer

    def signout(self) -> AnyResponse:
        """No session any more."""
        answer = redirect("/", 303)
        if request.method != "HEAD":
            self._sessions.end(request.cookies.get(COOKIE, ""))
            answer.delete_cookie(COOKIE, httponly=True, samesite="Lax")
        return answer

    def session(self) -> Response:
        """Who is signed in."""
        return jsonify(amishi=self._signed_in())

    def _signed_in(self) -> dict[str, Any]:
        amishi = self._sessions.find(request.cookies.get(COOKIE, ""))
        if amishi is None:
            abort(401, "not signed in")
        return amishi

    def list_cotos(self, key: str | None = None) -> Response:
        """The newest cotos, of all or of one cotonoma."""
        return jsonify(cotos=self._notes.cotos(self._signed_in()["id"], key))

    def post_coto(self) -> tuple[Response, int]:
        """A new coto from `{"content": …}`, in a cotonoma with `cotonoma_key`."""
        amishi, content = self._signed_in(), _content()
        key: object = web.json_body().get("cotonoma_key")
        known = None if key is None else web.storable("cotonoma_key", key, MAX_NAME)
        coto = self._notes.post_coto(amishi["id"], content, known)
        if coto is None:
            abort(404, f"there is no cotonoma {known}")
        return jsonify(coto), 201

    def change_coto(self, coto_id: UUID) -> Response:
        """Another content from `{"content": …}`."""
        coto = self._notes.change_coto(self._signed_in()["id"], coto_id, _content())
        if coto is None:
            abort(404, f"there is no coto {coto_id}")
        return jsonify(coto)

    def delete_coto(self, coto_id: UUID) -> Response:
        """No such coto any more."""
        if not self._notes.delete_coto(self._signed_in()["id"], coto_id):
            abort(404, f"there is no coto {coto_id}")
        return jsonify(id=str(coto_id))

    def list_cotonomas(self) -> Response:
        """All cotonomas."""
        return jsonify(cotonomas=self._notes.cotonomas(self._signed_in()["id"]))

    def post_cotonoma(self) -> tuple[Response, int]:
        """A new cotonoma from `{"name": …}`."""
        return jsonify(self._notes.post_cotonoma(self._signed_in()["id"], _name())), 201

    def rename_cotonoma(self, key: str) -> Response:
        """Another name from `{"name": …}`."""
        cotonoma = self._notes.rename_cotonoma(self._signed_in()["id"], key, _name())
        if cotonoma is None:
            abort(404, f"there is no cotonoma {key}")
        return jsonify(cotonoma)

    def delete_cotonoma(self, key: str) -> Response:
        """No such cotonoma any more; its cotos stay."""
        if not self._notes.delete_cotonoma(self._signed_in()["id"], key):
            abort(404, f"there is no cotonoma {key}")
        return jsonify(key=key)


def application(cotoami: Cotoami) -> Flask:
    """Cotoami's paths, as far as the stand-in has them."""
    app = web.application(Path(__file__).parent)
    app.add_url_rule("/", "page", lambda: web.page("cotoami.html"))
    for methods, path, handler in (
        ("GET", "/health_check", cotoami.health),
        ("GET", "/signin/<token>", cotoami.signin),
        ("GET", "/signout", cotoami.signout),
        ("GET", "/api/public/session", cotoami.session),
        ("GET", "/api/public/signin/request/<email>", cotoami.request_signin),
        ("GET", "/api/cotos", cotoami.list_cotos),
        ("POST", "/api/cotos", cotoami.post_coto),
        ("PATCH PUT", "/api/cotos/<uuid:coto_id>", cotoami.change_coto),
        ("DELETE", "/api/cotos/<uuid:coto_id>", cotoami.delete_coto),
        ("GET", "/api/cotonomas", cotoami.list_cotonomas),
        ("POST", "/api/cotonomas", cotoami.post_cotonoma),
        ("PATCH PUT", "/api/cotonomas/<key>", cotoami.rename_cotonoma),
        ("DELETE", "/api/cotonomas/<key>", cotoami.delete_cotonoma),
        ("GET", "/api/cotonomas/<key>/cotos", cotoami.list_cotos),
    ):
        app.add_url_rule(path, f"{methods} {path}", handler, methods=methods.split())

    for kind in (StoreError, SessionError, MailError):
        app.register_error_handler(kind, lambda error: web.refusal(503, str(error)))
    app.register_error_handler(DuplicateError, lambda _: web.refusal(409, "there is a cotonoma of that name already"))
    return app


def main() -> None:
    """Serve until SIGTERM."""
    settings = configuration.read()
    cotoami = Cotoami(
        Notes(settings.database),
        Sessions(settings.redis_host, settings.redis_port, settings.secret),
        Mailer(settings.smtp),
        settings.address,
        signup_enabled=settings.signup_enabled,
    )
    wsgi.serve(application(cotoami), settings.port)


if __name__ == "__main__":
    main()
