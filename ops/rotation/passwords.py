"""What a database keeps of a password, computed here: no server, log or argument ever sees the new password itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

_SALT_BYTES = 16
_ITERATIONS = 4096
"""As PostgreSQL itself does by default (scram_iterations)."""


def scram(password: str, salt: bytes | None = None, iterations: int = _ITERATIONS) -> str:
    """PostgreSQL's SCRAM-SHA-256 verifier (RFC 5803; https://www.postgresql.org/docs/current/catalog-pg-authid.html) of
    a password of printable ASCII, which SASLprep leaves as it is."""
    salted = hashlib.pbkdf2_hmac(
        "sha256", password.encode(), salt := salt or secrets.token_bytes(_SALT_BYTES), iterations
    )
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored = base64.b64encode(hashlib.sha256(client).digest()).decode()
    server = base64.b64encode(hmac.digest(salted, b"Server Key", "sha256")).decode()
    return f"SCRAM-SHA-256${iterations}:{base64.b64encode(salt).decode()}${stored}:{server}"


def native(password: str) -> str:
    """MariaDB's mysql_native_password hash (https://mariadb.com/kb/en/password/): SHA-1 twice, in hexadecimal."""
    # Not a choice of ours: it is what the server compares with, and the password has 190 bits.
    once = hashlib.sha1(password.encode()).digest()  # noqa: S324
    return f"*{hashlib.sha1(once).hexdigest().upper()}"  # noqa: S324
