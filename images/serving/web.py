"""What the project's Flask applications share: bounded bodies, errors as people and programs want them, page assets."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from flask import Flask, abort, make_response, render_template, request, send_from_directory
from gunicorn.http.errors import ParseException
from jinja2 import FileSystemLoader
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

MAX_BODY = 1 << 20
_HERE = Path(__file__).parent
_POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"


def application(directory: Path) -> Flask:
    """A Flask application.

    Args:
        directory: the image's own, with `static/` and `templates/` if it has pages.
    """
    app = Flask("images.serving", static_folder=directory / "static")
    app.jinja_env.loader = FileSystemLoader([directory / "templates", _HERE / "templates"])
    # The ingress controller, or a proxy beside the app, says what the client asked for.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_host=1)
    app.add_url_rule("/assets/<path:file>", view_func=_asset)
    app.before_request(_check)
    app.register_error_handler(HTTPException, _tell)
    app.after_request(_protect)
    return app


def _asset(file: str) -> Response:
    # Stylesheet and scripts from npm, which the build of python-base puts there.
    return send_from_directory(_HERE / "assets", file, max_age=3600)


def _check() -> None:
    if "\0" in request.path:
        abort(400, "the path holds U+0000")
    # Flask's own limit does not see a body without Content-Length before version 3.
    told = request.content_length or 0
    try:
        body = b"" if told > MAX_BODY else cast("bytes", request.environ["wsgi.input"].read(MAX_BODY + 1))
    except (OSError, ParseException):
        abort(400, "the body is not framed as its headers say")
    if max(told, len(body)) > MAX_BODY:
        abort(413, f"the body is longer than {MAX_BODY} bytes")
    request.environ["wsgi.input"] = io.BytesIO(body)


def _tell(error: HTTPException) -> AnyResponse:
    """An error as a page for browsers, as `{"error": …}` for programs; the library's headers (Allow) stay."""
    message = str(error.description)
    answer = error.get_response()
    if request.accept_mimetypes.best_match(("application/json", "text/html")) == "text/html":
        answer.data, answer.content_type = render_template("message.html", message=message), "text/html; charset=utf-8"
    else:
        answer.data, answer.content_type = json.dumps({"error": message}), "application/json"
    return answer


def refusal(status: int, message: str) -> AnyResponse:
    """What `abort` answers, for handlers of exceptions, which must not raise any."""
    return _tell(default_exceptions[status](message))


def _protect(answer: Response) -> Response:
    answer.headers["X-Content-Type-Options"] = "nosniff"
    if answer.mimetype == "text/html":
        answer.headers.setdefault("Content-Security-Policy", _POLICY)
        answer.headers.setdefault("Cache-Control", "no-store")
    return answer


def page(template: str, status: int = 200, **values: object) -> Response:
    """A page from a template of the image, or of `images/serving/templates`."""
    return make_response(render_template(template, **values), status)


def json_body() -> dict[str, Any]:
    """The request's body as a JSON object, whatever its media type says; 400 if it is none."""
    try:
        value: object = json.loads(request.get_data())
    except (ValueError, RecursionError):
        abort(400, "the body is not JSON")
    if not isinstance(value, dict):
        abort(400, "the body is not a JSON object")
    return cast("dict[str, Any]", value)


def storable(name: str, value: object, limit: int) -> str:
    """A text without the white space around it; 400 unless it is one, not empty, and one that can be stored.

    Args:
        name: what the client calls it.
        value: what came.
        limit: characters at most.
    """
    if not isinstance(value, str) or not value.strip() or len(value) > limit:
        abort(400, f"{name} is missing, empty or longer than {limit} characters")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        abort(400, f"{name} holds a character that cannot be stored: U+0000 or half of a pair (a broken emoji)")
    return value.strip()
