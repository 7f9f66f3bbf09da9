"""A stack file that gets a tag, so that its comments, order and quotes stay."""

from __future__ import annotations

import io
import os
import shutil
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, ScalarString

from ops.errors import OpsError

if TYPE_CHECKING:
    from pathlib import Path

_WIDTH = 4096


def with_text(text: str, keys: list[str], value: str) -> str:
    """The text of a stack file with one more value, in quotes: `0123456` and `1e5` are tags, not numbers. `keys` lead
    to it from the top of the file, each but the last a mapping."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    # As the project's files are indented.
    yaml.indent(mapping=2, sequence=4, offset=2)
    document: Any = yaml.load(text)  # pyright: ignore[reportUnknownMemberType] - untyped library
    current = document
    for key in keys[:-1]:
        current = current.setdefault(key, {})
    old = current.get(keys[-1])
    current[keys[-1]] = (type(old) if isinstance(old, ScalarString) else DoubleQuotedScalarString)(value)
    buffer = io.StringIO()
    yaml.dump(document, buffer)  # pyright: ignore[reportUnknownMemberType] - untyped library
    return buffer.getvalue()


def replace(file: Path, text: str) -> None:
    """Give a file other content in one step; links to it, owner and mode stay, and all stays at an OpsError."""
    file = file.resolve()
    # In the same directory, so that the rename is one step of the file system.
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        shutil.copymode(file, draft)
        there = file.stat()
        if (there.st_uid, there.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(draft, there.st_uid, there.st_gid)
        draft.replace(file)
    except OSError as error:
        raise OpsError(f"{file.name} cannot be written: {error.strerror}; it is as it was") from None
    finally:
        draft.unlink(missing_ok=True)
