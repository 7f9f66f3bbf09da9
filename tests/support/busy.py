"""Somebody else at work on a stack: its lock, held by another thread of this process."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ops.pulumi import lock

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@contextmanager
def held(directory: Path, stack: str, action: str) -> Generator[None]:
    """Hold the lock; whoever holds it in the same thread would go on."""
    begun, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with lock.locked(directory, stack, action):
            begun.set()
            enough.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert begun.wait(10)
        yield
    finally:
        enough.set()
        holder.join()
