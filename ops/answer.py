"""Whether an app's address answers from this machine."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ops.urls import address_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.progress import Progress
    from ops.status import AppStatus

_PATIENCE_S = 15.0
_POLL_S = 0.2
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def wait_for_answers(statuses: Sequence[AppStatus], progress: Progress) -> None:
    """Wait until each local URL accepts a connection: the node's rules follow a pod's readiness by a moment."""
    end = time.monotonic() + _PATIENCE_S
    for status in statuses:
        parts = urlsplit(status.url or "")
        host = address_of(parts.hostname or "")
        if not status.is_ready or host not in _LOOPBACK:
            continue
        while not _accepts(host, parts.port or (443 if parts.scheme == "https" else 80)):
            if time.monotonic() >= end:
                progress.note(f"{status.name} is ready, but {status.url} does not accept connections from here")
                break
            time.sleep(_POLL_S)


def _accepts(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False
