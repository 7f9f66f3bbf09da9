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
import re
import time
from typing import TYPE_CHECKING

from images.serving import environment
from images.serving.http import Application, HttpError, Request, Response, json_response, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ISSUER = "auth"
KEY_BYTES = 32
"""RFC 7518, 3.2: a key for HS256 has at least the hash's 256 bits."""
_NAME = re.compile(r"[\w.@-]{1,64}")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(claims: Mapping[str, object], key: bytes) -> str:
    """A JSON web token in compact form, signed with HMAC-SHA-256 (RFC 7515, 7.1; RFC 7518, 3.2)."""
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    signed = ".".join(_base64url(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return f"{signed}.{_base64url(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def application(key: bytes, lifetime: int, now: Callable[[], float] = time.time) -> Application:
    """The issuer.

    Args:
        key: signing key.
        lifetime: seconds that a token is valid.
        now: the clock, in seconds since 1970.
    """

    def token(request: Request) -> Response:
        user: object = request.json().get("user")
        if not isinstance(user, str) or not _NAME.fullmatch(user):
            raise HttpError(400, "user is missing or no name: letters, digits and . _ @ -, at most 64")
        issued = int(now())
        claims = {"iss": ISSUER, "sub": user, "iat": issued, "exp": issued + lifetime}
        answer = {"token": sign(claims, key), "token_type": "Bearer", "expires_in": lifetime}
        return json_response(answer, headers=(("Cache-Control", "no-store"),))

    app = Application()
    app.route("POST", "/token")(token)
    app.route("GET", "/healthz")(lambda _: json_response({"status": "ok"}))
    return app


def main() -> None:
    """Serve until SIGTERM."""
    key = environment.required("TOKEN_KEY").encode()
    if len(key) < KEY_BYTES:
        environment.fail(f"TOKEN_KEY has {len(key)} bytes; a key for HS256 has {KEY_BYTES} or more")
    lifetime = environment.optional("TOKEN_LIFETIME", "3600")
    if not lifetime.isdigit() or not 0 < int(lifetime) <= 86400:
        environment.fail(f"TOKEN_LIFETIME={lifetime!r}: write seconds, from 1 to 86400")
    serve(application(key, int(lifetime)), environment.port("PORT", 2828))


if __name__ == "__main__":
    main()
