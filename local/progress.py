"""How long work tells a person what it is doing.

`Progress` is a protocol of two calls; `RichProgress` draws for people, `SilentProgress` is for tests and `--json`.
Several threads may report at once.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractContextManager


class Progress(Protocol):
    """What a long-running function needs to report."""

    def step(self, text: str) -> AbstractContextManager[None]:
        """Work named `text` goes on inside the block; steps nest. An exception passes through and marks it failed."""
        ...

    def note(self, text: str) -> None:
        """A single line for the person, below the current step."""
        ...


class SilentProgress:
    """Says nothing. For tests and for `--json`."""

    @contextmanager
    def step(self, text: str) -> Generator[None]:  # noqa: ARG002 - the protocol's signature
        yield

    def note(self, text: str) -> None:
        pass


def duration(seconds: float) -> str:
    """A time for people: `0.4 s`, `12 s`, `3 min 40 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02} s"


class RichProgress:
    """One line per finished step with the time it took; on a terminal also a live line for what is going on now.

    Steps faster than `quiet_below` seconds that were nested in another step are not printed: a second `up` in which
    nothing happens stays a few lines.
    """

    def __init__(self, console: Console | None = None, quiet_below: float = 0.3) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._quiet_below = quiet_below
        self._lock = threading.Lock()
        self._running: list[tuple[object, str, float]] = []
        self._status = self._console.status("")
        self._depth = threading.local()

    def _refresh(self) -> None:
        """Show the running steps on the live line (the lock is held)."""
        if not self._console.is_terminal:
            return
        if self._running:
            self._status.update(" · ".join(text for _, text, _ in self._running[-3:]))
            self._status.start()
        else:
            self._status.stop()

    @contextmanager
    def step(self, text: str) -> Generator[None]:
        depth = getattr(self._depth, "value", 0)
        self._depth.value = depth + 1
        key = object()
        start = time.monotonic()
        with self._lock:
            self._running.append((key, text, start))
            self._refresh()
        mark = "[green]✓[/]"
        try:
            yield
        except BaseException:
            mark = "[red]✗[/]"
            raise
        finally:
            self._depth.value = depth
            took = time.monotonic() - start
            with self._lock:
                self._running = [entry for entry in self._running if entry[0] is not key]
                self._refresh()
                if depth == 0 or took >= self._quiet_below or "red" in mark:
                    self._console.print(f"{'  ' * depth}{mark} {text} [dim]{duration(took)}[/]", soft_wrap=True)

    def note(self, text: str) -> None:
        with self._lock:
            self._console.print(f"{'  ' * getattr(self._depth, 'value', 0)}[dim]·[/] {text}", soft_wrap=True)
