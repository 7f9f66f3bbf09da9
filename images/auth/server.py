"""Issues the JSON web tokens that the todo app's endpoints want.

`POST /token` with `{"user": "anna"}` answers `{"token": "…", "token_type": "Bearer", "expires_in": 3600}`. As in the
tutorial there are no accounts: the token vouches for the name that was typed and for nothing else, and who may ask for
one is decided by the network (the web server alone may).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, Response, abort, jsonify

from images.serving import environment, web, wsgi

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ISSUER = "auth"
KEY_BYTES = 32
"""RFC 7518, 3.2: a key for HS256 has at least the hash's 256 bits."""
NAME_LENGTH = 64
_MARKS = " .'\u2019_@-"


def name_of(value: object) -> str:
    """A person's name, in Unicode's composed form: `Müller` is one name however it was typed. 400 if it is none."""
    name = unicodedata.normalize("NFC", web.storable("user", value, NAME_LENGTH))
    # Letters with their marks, and digits, of any script.
    if not all(unicodedata.category(character)[0] in "LMN" or character in _MARKS for character in name):
        abort(400, "user is no name: letters, digits, spaces and . ' _ @ -")
    return name


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(claims: Mapping[str, object], key: bytes) -> str:
    """A JSON web token in compact form, signed with HMAC-SHA-256 (RFC 7515, 7.1; RFC 7518, 3.2)."""
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    signed = ".".join(_base64url(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return f"{signed}.{_base64url(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def application(key: bytes, lifetime: int, now: Callable[[], float] = time.time) -> Flask:
    """The issuer.

    Args:
        key: signing key.
        lifetime: seconds that a token is valid.
        now: the clock, in seconds since 1970.
    """
    app = web.application(Path(__file__).parent)

    def token() -> Response:
        user = name_of(web.json_body().get("user"))
        issued = int(now())
        claims = {"iss": ISSUER, "sub": user, "iat": issued, "exp": issued + lifetime}
        answer = jsonify(token=sign(claims, key), token_type="Bearer", expires_in=lifetime)  # noqa: S106 - no password
        answer.headers["Cache-Control"] = "no-store"
        return answer

    app.add_url_rule("/token", view_func=token, methods=["POST"])
    app.add_url_rule("/healthz", "health", lambda: {"status": "ok"})
    return app


def main() -> None:
    """Serve until SIGTERM."""
    key = environment.required("TOKEN_KEY").encode()
    if len(key) < KEY_BYTES:
        environment.fail(f"TOKEN_KEY has {len(key)} bytes; a key for HS256 has {KEY_BYTES} or more")
    lifetime = environment.optional("TOKEN_LIFETIME", "3600")
    if not lifetime.isdigit() or not 0 < int(lifetime) <= 86400:
        environment.fail(f"TOKEN_LIFETIME={lifetime!r}: write seconds, from 1 to 86400")
    wsgi.serve(application(key, int(lifetime)), environment.port("PORT", 2828))


if __name__ == "__main__":
    main()
