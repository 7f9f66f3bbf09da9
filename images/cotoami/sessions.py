"""Sign-in tokens and sessions in Redis, and the signed cookie that names a session."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import Any, cast

import redis

from images.serving.wsgi import log

SIGNIN_SECONDS = 24 * 3600
SESSION_SECONDS = 30 * 24 * 3600


class SessionError(Exception):
    """Redis does not answer or fails; its own words are in the log."""


class Sessions:
    """Every replica sees the same sessions: they are in Redis, none in this process."""

    def __init__(self, host: str, port: int, secret: str) -> None:
        self._where = f"{host}:{port}"
        self._key = hmac.digest(secret.encode(), b"session cookie", hashlib.sha256)
        self._redis = redis.Redis(
            host=host,
            port=port,
            decode_responses=True,
            socket_timeout=3,
            socket_connect_timeout=3,
            health_check_interval=30,
        )

    def check(self) -> None:
        """Raises SessionError unless Redis answers."""
        try:
            self._redis.ping()  # pyright: ignore[reportUnknownMemberType] - redis leaves its keyword arguments untyped
        except redis.RedisError as error:
            raise self._error(error) from None

    def new_signin(self, email: str) -> str:
        """A token that signs `email` in once, within a day."""
        token = secrets.token_urlsafe(32)
        self._set(f"signin:{token}", email, SIGNIN_SECONDS)
        return token

    def take_signin(self, token: str) -> str | None:
        """The address of a token, which is used up by that; None if there is no such token."""
        try:
            return cast("str | None", self._redis.getdel(f"signin:{token}"))
        except redis.RedisError as error:
            raise self._error(error) from None

    def create(self, amishi: dict[str, Any]) -> str:
        """A new session; returns the value of its cookie."""
        identity = secrets.token_urlsafe(32)
        self._set(f"session:{identity}", json.dumps(amishi), SESSION_SECONDS)
        return f"{identity}.{self._sign(identity)}"

    def find(self, cookie: str) -> dict[str, Any] | None:
        """The person of a session's cookie; None if the cookie is not ours or the session is over."""
        identity = self._identity(cookie)
        if identity is None:
            return None
        try:
            value = cast("str | None", self._redis.get(f"session:{identity}"))
        except redis.RedisError as error:
            raise self._error(error) from None
        return None if value is None else cast("dict[str, Any]", json.loads(value))

    def end(self, cookie: str) -> None:
        """End a session, if there is one."""
        identity = self._identity(cookie)
        if identity is None:
            return
        try:
            self._redis.delete(f"session:{identity}")
        except redis.RedisError as error:
            raise self._error(error) from None

    def _set(self, key: str, value: str, seconds: int) -> None:
        try:
            self._redis.set(key, value, ex=seconds)
        except redis.RedisError as error:
            raise self._error(error) from None

    def _identity(self, cookie: str) -> str | None:
        identity, _, signature = cookie.partition(".")
        return identity if hmac.compare_digest(signature.encode(), self._sign(identity).encode()) else None

    def _sign(self, identity: str) -> str:
        return hmac.new(self._key, identity.encode(), hashlib.sha256).hexdigest()

    def _error(self, error: redis.RedisError) -> SessionError:
        log("redis", where=self._where, error=str(error))
        return SessionError(f"Redis at {self._where} does not answer as it should; try again in a moment")
