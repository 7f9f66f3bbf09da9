"""Settings from environment variables, each also readable from the file that `NAME_FILE` names (a mounted Secret)."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn


def fail(message: str) -> NoReturn:
    """End the program with one message."""
    sys.exit(f"error: {message}")


def optional(name: str, default: str = "") -> str:
    """The variable's value, or that of its file, or the default. Ends the program if the file cannot be read."""
    value, file = os.environ.get(name, ""), os.environ.get(f"{name}_FILE", "")
    if value and file:
        fail(f"{name} and {name}_FILE are both set; set one of them")
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").rstrip("\n")
        except OSError as error:
            fail(f"{name}_FILE={file} cannot be read: {error.strerror}")
    return value or default


def required(name: str) -> str:
    """The variable's value; ends the program if it is not set."""
    value = optional(name)
    if not value:
        fail(f"{name} is not set; set it, or {name}_FILE to a file that holds it")
    return value


def port(name: str, default: int) -> int:
    """A port number; ends the program if the variable is none."""
    text = optional(name, str(default))
    if not text.isdigit() or not 0 < int(text) < 65536:
        fail(f"{name}={text!r} is not a port; a port is a number from 1 to 65535")
    return int(text)
