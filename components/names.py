"""Names of Kubernetes objects: explicit, computed in one place, never longer than Kubernetes allows."""

from __future__ import annotations

import hashlib

NAME_LIMIT = 63
"""Length limit of a DNS label (RFC 1123), which Kubernetes applies to most object names and all label values."""


def object_name(*parts: str) -> str:
    """Join parts into an object name of at most 63 characters.

    Args:
        parts: Non-empty DNS labels, the most general first.

    Returns:
        The parts joined by '-'; where that is too long, its head and eight digits of its SHA-256, so that two long
        names never meet.
    """
    name = "-".join(part for part in parts if part)
    if len(name) <= NAME_LIMIT:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: NAME_LIMIT - 9].rstrip('-')}-{digest}"
