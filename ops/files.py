"""Files that are replaced as a whole."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from ops.errors import OpsError

if TYPE_CHECKING:
    from pathlib import Path


def replace(file: Path, text: str) -> None:
    """Give a file other content in one step, or make it; links to it, mode and, for root, owner stay, and all
    stays at an OpsError."""
    file = file.resolve()
    # In the same directory, so that the rename is one step of the file system.
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        if file.exists():
            shutil.copymode(file, draft)
            there = file.stat()
            # Who may write to the directory but is not root cannot give files away: then it is theirs.
            with suppress(PermissionError):
                os.chown(draft, there.st_uid, there.st_gid)
        draft.replace(file)
    except OSError as error:
        raise OpsError(f"{file.name} cannot be written: {error.strerror}; it is as it was") from None
    finally:
        draft.unlink(missing_ok=True)
