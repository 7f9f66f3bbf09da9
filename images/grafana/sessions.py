"""Who may see the dashboards: one user, by basic authentication or a session after logging in."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from images.serving.http import Request

COOKIE = "grafana_session"
LIFETIME = 86400
_MAX_SESSIONS = 1000


class Guard:
    """Knows the user and the sessions. Safe for several threads."""

    def __init__(self, user: str, password: str, now: Callable[[], float] = time.monotonic) -> None:
        self.user = user
        self._password = password
        self._now = now
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, float] = OrderedDict()

    def accepts(self, user: str, password: str) -> bool:
        """Whether both are right; takes as long when they are not."""
        right_user = hmac.compare_digest(user.encode(), self.user.encode())
        return hmac.compare_digest(password.encode(), self._password.encode()) and right_user

    def admits(self, request: Request) -> bool:
        """Whether the request carries the right credentials or a session that goes on."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return False
            return self.accepts(user, password)
        with self._lock:
            return self._sessions.get(request.cookies.get(COOKIE, ""), 0.0) > self._now()

    def begin(self) -> str:
        """A new session, as a Set-Cookie header's value."""
        name = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions[name] = self._now() + LIFETIME
            while len(self._sessions) > _MAX_SESSIONS:
                self._sessions.popitem(last=False)
        return f"{COOKIE}={name}; Path=/; Max-Age={LIFETIME}; HttpOnly; SameSite=Lax"

    def end(self, request: Request) -> str:
        """No session any more; the value of the Set-Cookie header that tells the browser."""
        with self._lock:
            self._sessions.pop(request.cookies.get(COOKIE, ""), None)
        return f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
