"""A stack file that gets a tag, so that its comments, order and quotes stay."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, ScalarString

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
