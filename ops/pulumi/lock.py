"""One run at a time on a stack on this machine; between machines Pulumi's own lock in the backend decides."""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import os
import socket
import time
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING

from local import paths
from ops.errors import BusyError
from ops.pulumi.backend import backend_url

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

# A killed run's children take a moment to end.
_PATIENCE_S = 5.0
_HELD: ContextVar[frozenset[Path]] = ContextVar("held", default=frozenset())


@contextmanager
def locked(directory: Path, stack: str, action: str) -> Generator[None]:
    """Hold a stack on this machine; raises BusyError with the process that holds it. A command does more than a single
    run of Pulumi, whose lock covers only that one. Whoever holds it already, in the same thread, goes on."""
    digest = hashlib.sha256(backend_url(directory, stack).encode()).hexdigest()[:12]
    path = paths.cache() / "locks" / f"{stack}-{digest}.lock"
    if path in _HELD.get():
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as handle:
        end = time.monotonic() + _PATIENCE_S
        while not _try_lock(handle):
            if time.monotonic() >= end:
                handle.seek(0)
                holder = handle.read().strip() or "another process"
                raise BusyError(f"stack {stack} is being worked on by {holder}; wait for it and run this again")
            time.sleep(0.2)
        handle.truncate(0)
        handle.write(f"{_me(action)}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
        handle.flush()
        before = _HELD.set(_HELD.get() | {path})
        try:
            yield
        finally:
            _HELD.reset(before)
            handle.truncate(0)


def _try_lock(handle: IO[str]) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _me(action: str) -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}, process {os.getpid()}, slipway {action}"
