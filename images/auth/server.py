"""Issues the JSON web tokens that the todo app's endpoints want.

`POST /token` with `{"user": "anna"}` answers `{"token": "…", "expires_in": 3600}`. With AUTH_USERS (lines `name:password`)
the password is wanted too; without it any name gets a token, as in the tutorial's demo.
"""

from __future__ import annotations

import hmac
import re
import time

import jwt

from images.serving import environment
from images.serving.http import Application, HttpError, Request, Response, json_response, serve

LIFETIME = 3600
ISSUER, AUDIENCE = "auth", "web-server"
_NAME = re.compile(r"[\w.@-]{1,64}")


def users(text: str) -> dict[str, str]:
    """Passwords by name from lines `name:password`; ends the program on a line without colon."""
    result: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, colon, password = line.strip().partition(":")
        if name and not (colon and password):
            environment.fail(f"AUTH_USERS, line {number}: write name:password")
        if name:
            result[name] = password
    return result


def application(key: str, passwords: dict[str, str]) -> Application:
    """The issuer with its signing key."""
    app = Application()

    @app.route("POST", "/token")
    def token(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction] - registered by the decorator
        body = request.json()
        user, password = body.get("user"), body.get("password", "")
        if not isinstance(user, str) or not _NAME.fullmatch(user):
            raise HttpError(400, "user is missing or no name: letters, digits and . _ @ -, at most 64")
        if passwords:
            expected = passwords.get(user, "")
            if not expected or not hmac.compare_digest(str(password).encode(), expected.encode()):
                raise HttpError(401, "user or password is wrong")
        now = int(time.time())
        claims = {"sub": user, "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + LIFETIME}
        return json_response({"token": jwt.encode(claims, key, algorithm="HS256"), "expires_in": LIFETIME})

    app.route("GET", "/healthz")(lambda _: json_response({"status": "ok"}))
    return app


def main() -> None:
    """Serve until SIGTERM."""
    key = environment.required("TOKEN_KEY")
    if len(key) < 32:
        environment.fail(f"TOKEN_KEY has {len(key)} characters; a key for HS256 needs 32 or more")
    serve(application(key, users(environment.optional("AUTH_USERS"))), environment.port("PORT", 2828))


if __name__ == "__main__":
    main()
