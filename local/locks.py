"""Locks on files, between processes of this machine."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from local.progress import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from local.progress import Progress


@contextmanager
def locked(path: Path, waiting: str, progress: Progress | None = None, *, shared: bool = False) -> Generator[None]:
    """Hold a lock on `path`, whose directory is made; says `waiting` when somebody else holds it. A shared one keeps
    out only who wants it for himself alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            (progress or SilentProgress()).note(waiting)
            fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)
