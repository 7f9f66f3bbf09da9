"""Changing a stack file so that its comments, order and quotes stay."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, ScalarString

from ops.errors import OpsError

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH = 4096


class SettingsFile:
    """A stack file that is being changed.

    Attributes:
        name: Its file name.
    """

    def __init__(self, directory: Path, stack: str) -> None:
        """Read the file.

        Args:
            directory: Directory of Pulumi.yaml.
            stack: Stack name.

        Raises:
            SettingsError: The file is missing or wrong as it is.
        """
        from stacks.stack_file import read_stack_config, stack_file

        config = read_stack_config(directory, stack)
        self.name = config.source
        self._directory, self._stack, self._project = directory, config.stack, config.project
        # A symbolic link stays one: what it leads to is changed.
        self._path = stack_file(directory, config.stack).resolve()
        self._before = self._path.read_text(encoding="utf-8")
        self._yaml = YAML()
        self._yaml.preserve_quotes = True
        self._yaml.width = _WIDTH
        # As the project's files are indented.
        self._yaml.indent(mapping=2, sequence=4, offset=2)
        try:
            self._document: Any = self._yaml.load(self._before) or {}  # pyright: ignore[reportUnknownMemberType] - untyped library
        except YAMLError as error:
            raise OpsError(f"{self.name} cannot be changed: {str(error).splitlines()[0]}") from None

    def _keys(self, path: str) -> list[str]:
        parts = path.removeprefix(f"{self._project}:").split(".")
        if not all(parts):
            raise OpsError(f"{path!r} is no path of a setting; one looks like apps.h2o-example.revision")
        return ["config", f"{self._project}:{parts[0]}", *parts[1:]]

    def _find(self, keys: Sequence[str]) -> Any:
        current: Any = self._document
        for key in keys:
            if not isinstance(current, dict) or key not in current:
                return None
            current = cast("dict[str, Any]", current)[key]
        return current

    def get(self, path: str) -> Any:
        """The value at a path as plain data; None if it is not set."""
        return _plain(self._find(self._keys(path)))

    def shown(self, path: str) -> str:
        """The value at a path as text."""
        value = self.get(path)
        if isinstance(value, dict | list):
            buffer = io.StringIO()
            YAML(typ="safe").dump(value, buffer)  # pyright: ignore[reportUnknownMemberType] - untyped library
            return buffer.getvalue().strip()
        return str(value).lower() if isinstance(value, bool) else str(value)

    def set(self, path: str, text: str, *, quoted: bool = False) -> None:
        """Set a value. What is a text in the file stays one, in its quotes; anything else is read as YAML, and
        what only some parser would take for a number, a date or a switch is a text.

        Args:
            path: For example `apps.h2o-example.revision`.
            text: The value.
            quoted: Whether it is a text in quotes, whatever was there: `0123456` and `1e5` are tags, not numbers.

        Raises:
            OpsError: The path leads through a value that has no keys, or the text is no YAML.
        """
        keys = self._keys(path)
        current: Any = self._document
        for depth, key in enumerate(keys[:-1]):
            if not isinstance(current.get(key), dict):
                if current.get(key) is not None:
                    raise OpsError(
                        f"{'.'.join(keys[1 : depth + 1])} = {current[key]} has no keys, so {path} cannot be set"
                    )
                current[key] = {}
            current = current[key]
        old = current.get(keys[-1])
        if quoted and not isinstance(old, ScalarString):
            old = DoubleQuotedScalarString(str(old))
        current[keys[-1]] = self._value(old, text)

    def _value(self, old: Any, text: str) -> Any:
        if isinstance(old, ScalarString):
            return type(old)(text)
        if isinstance(old, str):
            return _text(text)
        try:
            value: Any = YAML(typ="safe").load(text)  # pyright: ignore[reportUnknownMemberType] - untyped library
        except YAMLError as error:
            raise OpsError(f"{text!r} is no YAML: {str(error).splitlines()[0]}") from None
        if isinstance(value, str):
            return _text(value)
        # `0123456`, `1e3` and dates are text: a number is written as it comes out.
        is_other = isinstance(value, int | float | date) and not isinstance(value, bool) and str(value) != text
        return DoubleQuotedScalarString(text) if is_other or isinstance(value, date) else value

    def unset(self, path: str) -> None:
        """Take a value out.

        Raises:
            OpsError: It is not set.
        """
        keys = self._keys(path)
        parent = self._find(keys[:-1])
        if not isinstance(parent, dict) or keys[-1] not in parent:
            raise OpsError(f"{self.name} does not set {path}")
        del cast("dict[str, Any]", parent)[keys[-1]]

    def text(self) -> str:
        """The whole file as it would be saved."""
        buffer = io.StringIO()
        self._yaml.dump(self._document, buffer)  # pyright: ignore[reportUnknownMemberType] - untyped library
        return buffer.getvalue()

    def save(self) -> bool:
        """Check the whole file and replace it in one step; returns whether anything changed.

        Raises:
            SettingsError: The file would be wrong; it stays as it was.
            OpsError: The file cannot be written.
        """
        after = self.text()
        if after == self._before:
            return False
        self._check(after)
        self._replace(after)
        return True

    def _check(self, text: str) -> None:
        from stacks.settings import parse
        from stacks.stack_file import read_stack_config

        with tempfile.TemporaryDirectory(prefix="slipway-") as temporary:
            directory = Path(temporary)
            shutil.copyfile(self._directory / "Pulumi.yaml", directory / "Pulumi.yaml")
            (directory / self.name).write_text(text, encoding="utf-8")
            config = read_stack_config(directory, self._stack)
            parse(config.values, project=config.project, source=config.source)

    def _replace(self, text: str) -> None:
        # In the same directory, so that the rename is one step of the file system.
        draft = self._path.with_name(f".{self.name}.{os.getpid()}")
        try:
            with draft.open("w", encoding="utf-8") as handle:
                handle.write(text)
                handle.flush()
                os.fsync(handle.fileno())
            shutil.copymode(self._path, draft)
            draft.replace(self._path)
        except OSError as error:
            raise OpsError(f"{self.name} cannot be written: {error.strerror}; it is as it was") from None
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)


def _text(text: str) -> str:
    """A text, in quotes where a parser of YAML 1.1 or 1.2 would take it for something else."""
    try:
        found: object = yaml.safe_load(text)
    except yaml.YAMLError:
        found = None
    return text if found == text else DoubleQuotedScalarString(text)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list):
        return [_plain(v) for v in cast("list[Any]", value)]
    if isinstance(value, bool):
        return bool(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, float) else value
