"""The files of our own backend, and what a Pulumi that was killed leaves between them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_ATTRIBUTES = ".attrs"


def url(state: Path) -> str:
    """URL of the backend.

    Without metadata (`metadata=skip` of gocloud.dev's fileblob, which Pulumi keeps its files with): it would stand in a
    file beside each, which is not written at once like the file itself. A kill between leaves it empty, and then
    Pulumi fails to read the state: "failed to load checkpoint: EOF".

    Args:
        state: Its directory.
    """
    return f"{state.as_uri()}?metadata=skip"


def mend(state: Path) -> None:
    """Take away metadata that a killed run left empty; nothing depends on it.

    Args:
        state: Directory of the backend.
    """
    for file in state.rglob(f"*{_ATTRIBUTES}"):
        with suppress(FileNotFoundError):
            if file.stat().st_size == 0:
                file.unlink()


def sweep(state: Path, stack: str) -> None:
    """Take away half-written states of a stack. Nobody else may be at it.

    Args:
        state: Directory of the backend.
        stack: Stack name.
    """
    for file in (state / ".pulumi" / "stacks").rglob(f"{stack}.json*.tmp"):
        file.unlink(missing_ok=True)
