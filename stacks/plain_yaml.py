"""Reads a YAML file as plain data, the way Pulumi's CLI does, and refuses what could be taken for something else."""

from __future__ import annotations

import json
import os
import re
import stat
from typing import TYPE_CHECKING, Any, cast

import yaml

from stacks.settings.plain import DEPTH_LIMIT, VALUE_LIMIT
from stacks.settings.problems import Problem, SettingsError, shown

if TYPE_CHECKING:
    from pathlib import Path

_FILE_LIMIT_BYTES = 100_000
_SAID_LIMIT = 200


def engine_text(value: object) -> str:
    """A value as the engine hands it to a program (https://www.pulumi.com/docs/iac/concepts/config/)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value)
    return "" if value is None else str(value)


class _StrictLoader(yaml.SafeLoader):
    """PyYAML's safe loader that reads plain data alone, as Pulumi's CLI does, and refuses a key given twice.

    What stands without quotes is told apart as by the CLI's parser (YAML 1.2: https://pkg.go.dev/gopkg.in/yaml.v3):
    `yes` and `on` are text, and so are dates and `1:30`. `1e3`, `0123456` and `1.10` are numbers there, although an
    image's tag may be meant: numbers that are not written as they come out are refused. No tag but those of plain data
    is known.
    """

    yaml_implicit_resolvers = {}  # noqa: RUF012 - the class attribute of PyYAML that it looks them up in
    yaml_constructors = {}  # noqa: RUF012 - likewise


_TAG = "tag:yaml.org,2002:"
_PLAIN = (
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]+|[0-9]|[1-9][0-9_]*)$", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("float", r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", "-+."),
    ("null", r"(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("merge", r"<<$", "<"),
)


def _wrong(node: yaml.Node, what: str) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, what, node.start_mark)


def _scalar(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _wrong(node, f"the tag {shown(node.tag)} wants a plain value")
    return str(node.value)


def _bool(_: _StrictLoader, node: yaml.Node) -> bool:
    text = _scalar(node).lower()
    if text not in ("true", "false"):
        raise _wrong(node, f"{shown(text)} is neither true nor false")
    return text == "true"


def _int(_: _StrictLoader, node: yaml.Node) -> int:
    text = _scalar(node).replace("_", "").lower()
    digits = text.lstrip("+-")
    base = {"0b": 2, "0x": 16, "0o": 8}.get(digits[:2], 8 if len(digits) > 1 and digits.startswith("0") else 10)
    try:
        number = int(text, base)
        _refuse_altered(node, number)
    except ValueError:
        raise _wrong(node, f"{shown(text)} is no whole number, or one too long to be meant") from None
    return number


def _float(_: _StrictLoader, node: yaml.Node) -> float:
    text = _scalar(node).replace("_", "").lower()
    try:
        number = float(re.sub(r"\.(?=inf|nan)", "", text))
    except ValueError:
        raise _wrong(node, f"{shown(text)} is no number") from None
    _refuse_altered(node, number)
    return number


def _refuse_altered(node: yaml.Node, number: float) -> None:
    """Refuse a number that is written in another way than it comes out."""
    text = _scalar(node)
    if str(number) != text and str(number).lstrip("-") not in ("inf", "nan"):
        raise _wrong(
            node, f"{shown(text)} without quotes is the number {number}: if it is text, quote it; else write {number}"
        )


def _null(_: _StrictLoader, node: yaml.Node) -> None:
    _scalar(node)


def _text(_: _StrictLoader, node: yaml.Node) -> str:
    return _scalar(node)


def _list(loader: _StrictLoader, node: yaml.Node) -> list[Any]:
    if not isinstance(node, yaml.SequenceNode):
        raise _wrong(node, "is tagged as a list and is none")
    return [_built(loader, item) for item in node.value]


def _mapping(loader: _StrictLoader, node: yaml.Node) -> dict[str, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise _wrong(node, "is tagged as a mapping and is none")
    seen: dict[str, yaml.Mark] = {}
    for key_node, _ in node.value:
        if key_node.tag == f"{_TAG}merge":
            continue
        key = _key(loader, key_node)
        if key in seen:
            raise _wrong(key_node, f"the key {shown(key)!r} stands twice (first in line {seen[key].line + 1})")
        seen[key] = key_node.start_mark
    loader.flatten_mapping(node)
    return {_key(loader, key_node): _built(loader, value_node) for key_node, value_node in node.value}


def _key(loader: _StrictLoader, node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.tag == f"{_TAG}null":
        raise _wrong(node, "a key must be plain text")
    return engine_text(_built(loader, node))


def _built(loader: _StrictLoader, node: yaml.Node) -> Any:
    return loader.construct_object(node, deep=True)  # pyright: ignore[reportUnknownMemberType] - untyped library


def _unknown_tag(_: _StrictLoader, node: yaml.Node) -> None:
    raise _wrong(node, f"the tag {shown(node.tag)} is not known; a stack file holds plain data alone")


for _name, _pattern, _first in _PLAIN:
    cast("Any", _StrictLoader).add_implicit_resolver(f"{_TAG}{_name}", re.compile(_pattern), list(_first))
for _name, _make in {
    "bool": _bool, "int": _int, "float": _float, "null": _null, "str": _text, "seq": _list, "map": _mapping
}.items():  # fmt: skip
    _StrictLoader.add_constructor(f"{_TAG}{_name}", _make)
_StrictLoader.add_constructor(None, _unknown_tag)


def _check_size(source: str, root: yaml.Node | None) -> None:
    # Aliases share nodes, so a few lines can stand for billions: walk with a budget before anything is constructed.
    budget = VALUE_LIMIT
    todo: list[tuple[yaml.Node, int]] = [(root, 0)] if root else []
    while todo:
        node, depth = todo.pop()
        budget -= 1
        if budget < 0 or depth > DEPTH_LIMIT:
            remedy = f"holds more than {VALUE_LIMIT} values or is nested deeper than {DEPTH_LIMIT}; remove aliases"
            raise SettingsError(source, [Problem("", None, remedy)])
        if isinstance(node, yaml.MappingNode):
            todo.extend((part, depth + 1) for pair in node.value for part in pair)
        elif isinstance(node, yaml.SequenceNode):
            todo.extend((value, depth + 1) for value in node.value)


def _bytes(path: Path) -> bytes:
    # A pipe would be waited for, a device never ends: only a regular file is read, and no more than is looked at.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as handle:
        mode = os.fstat(handle.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(0, "it is no regular file")
        return handle.read(_FILE_LIMIT_BYTES + 1)


def _told(text: str) -> str:
    """What the YAML parser says, safe to print: it repeats parts of the file."""
    return text if text.isprintable() and len(text) <= _SAID_LIMIT else shown(text)


def load_yaml(path: Path) -> dict[str, Any]:
    """One YAML file as a mapping.

    Args:
        path: The file.

    Returns:
        Its top-level mapping, empty for an empty file.

    Raises:
        SettingsError: The file is missing, unreadable, too large, no YAML, no mapping, or gives a key twice.
    """
    source = path.name
    try:
        data = _bytes(path)
    except FileNotFoundError:
        known = sorted(p.name for p in path.parent.glob("Pulumi.*.yaml"))
        remedy = f"the file does not exist; there is: {', '.join(known) or 'none'}"
        raise SettingsError(source, [Problem("", None, remedy)]) from None
    except OSError as error:
        remedy = f"cannot be read: {error.strerror}"
        raise SettingsError(source, [Problem("", None, remedy)]) from None
    if len(data) > _FILE_LIMIT_BYTES:
        remedy = f"has more than {_FILE_LIMIT_BYTES} bytes; no more are read"
        raise SettingsError(source, [Problem("", None, remedy)])
    try:
        loader = _StrictLoader(data.decode("utf-8"))
        root = loader.get_single_node()
        _check_size(source, root)
        document: object = cast("Any", loader).construct_document(root) if root else None
    except UnicodeDecodeError as error:
        remedy = f"is not UTF-8 text (byte {error.start}); save it as UTF-8"
        raise SettingsError(source, [Problem("", None, remedy)]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        remedy = f"{where}{_told(error.problem or 'no valid YAML')}; correct the YAML syntax"
        raise SettingsError(source, [Problem("", None, remedy)]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else _told(str(error).splitlines()[0])
        remedy = f"{reason}; correct the YAML syntax"
        raise SettingsError(source, [Problem("", None, remedy)]) from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise SettingsError(source, [Problem("", shown(document), "must be a mapping with the key config")])
    return cast("dict[str, Any]", document)
