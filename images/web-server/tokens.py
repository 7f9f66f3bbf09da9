"""Checking the JSON web tokens that auth issues."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any, cast

MAX_LENGTH = 4096


class TokenError(Exception):
    """Why a token is refused."""


def _part(text: str) -> dict[str, Any]:
    try:
        value: object = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise TokenError("the token is malformed") from None
    if not isinstance(value, dict):
        raise TokenError("the token is malformed")
    return cast("dict[str, Any]", value)


def verify(token: str, key: bytes, issuer: str, now: float) -> str:
    """The user whom a token in compact form names (RFC 7519, 7.2), signed with HMAC-SHA-256 and with nothing else.

    Args:
        token: the token.
        key: the key shared with the issuer.
        issuer: who must have issued it.
        now: seconds since 1970.

    Raises:
        TokenError: it is malformed, forged, expired, or another issuer's.
    """
    signed, _, signature = token.rpartition(".")
    header, _, claims = signed.partition(".")
    if len(token) > MAX_LENGTH or not token.isascii() or "." in claims or not (header and claims and signature):
        raise TokenError("the token is malformed")
    expected = base64.urlsafe_b64encode(hmac.digest(key, signed.encode(), hashlib.sha256)).rstrip(b"=").decode()
    if not hmac.compare_digest(signature, expected):
        raise TokenError("the token's signature is wrong")
    described = _part(header)
    # RFC 8725, 3.1: the algorithm is ours to choose, not the token's; `crit` names extensions that must be understood.
    if described.get("alg") != "HS256" or "crit" in described:
        raise TokenError("the token is not signed with HS256")
    content = _part(claims)
    expires: object = content.get("exp")
    if not isinstance(expires, int | float) or isinstance(expires, bool) or expires <= now:
        raise TokenError("the token has expired")
    if content.get("iss") != issuer:
        raise TokenError("the token was issued by somebody else")
    user: object = content.get("sub")
    if not isinstance(user, str) or not user:
        raise TokenError("the token names nobody")
    return user
