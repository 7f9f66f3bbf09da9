"""Time for tests of waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """In the place of the module `time`: it passes by being slept, one thing happening after the other."""

    def __init__(self, *happens: Callable[[], object] | None) -> None:
        self.now, self.happens = 0.0, list(happens)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.happens and (happens := self.happens.pop(0)):
            happens()
