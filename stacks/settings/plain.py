"""Plain data as it comes from a stack file or from the engine: decoded, and refused where no setting can be meant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from stacks.settings.problems import Problem, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

VALUE_LIMIT = 5_000
"""Values in one stack file; the largest real one has some two hundred."""
DEPTH_LIMIT = 50
"""Nesting in one stack file; real ones reach six."""
_PRINTABLE = "must be printable text: no line breaks, no control, invisible or direction characters"


def decode(text: str) -> Any:
    """Read a structured key, which the engine hands over as JSON.

    Args:
        text: JSON.

    Returns:
        The value.

    Raises:
        ValueError: It is no JSON, gives a key twice, or is too large to be meant; the text says what would be right.
    """
    try:
        value = json.loads(text, object_pairs_hook=_mapping)
    except _TwiceError:
        raise
    except (ValueError, RecursionError):
        raise ValueError("must be a mapping") from None
    _check_size(value)
    return value


class _TwiceError(ValueError):
    """A key stands twice."""


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _TwiceError(f"holds the key {shown(twice)} twice; keep one of them")
    return result


def _check_size(value: Any) -> None:
    budget = VALUE_LIMIT
    todo: list[tuple[Any, int]] = [(value, 0)]
    while todo:
        item, depth = todo.pop()
        budget -= 1
        if budget < 0 or depth > DEPTH_LIMIT:
            raise ValueError(f"holds more than {VALUE_LIMIT} values or is nested deeper than {DEPTH_LIMIT}")
        if isinstance(item, dict):
            todo.extend((part, depth + 1) for part in cast("dict[str, Any]", item).values())
        elif isinstance(item, list):
            todo.extend((part, depth + 1) for part in cast("list[Any]", item))


def take_unprintable(project: str, data: dict[str, Any]) -> list[Problem]:
    """Take out of settings what no setting can be: text that would break lines or deceive the eye where it is shown.

    Args:
        project: Namespace of the keys.
        data: The settings, decoded; a bad value becomes None, the entry of a bad key goes.

    Returns:
        A problem for each.
    """
    problems: list[Problem] = []
    _walk(f"{project}:", data, problems)
    return problems


def _walk(path: str, value: Any, problems: list[Problem]) -> None:
    separator = "" if path.endswith(":") else "."
    entries: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        entries = list(cast("dict[Any, Any]", value).items())
    elif isinstance(value, list):
        entries = list(enumerate(cast("list[Any]", value)))
    for key, item in entries:
        here = f"{path}{separator}{shown(str(key))}"
        if not str(key).isprintable():
            problems.append(Problem(here, None, f"this key {_PRINTABLE}"))
            del value[key]
        elif isinstance(item, str) and not item.isprintable():
            problems.append(Problem(here, shown(item), _PRINTABLE))
            value[key] = None
        else:
            _walk(here, item, problems)


class Reported:
    """The key paths that something was said about already."""

    def __init__(self, paths: Mapping[str, Any] | set[str]) -> None:
        """Begin with some paths."""
        self._known: set[str] = set()
        for path in paths:
            self.add(path)

    def add(self, path: str) -> None:
        """Note a path, and that something below each of its parents is told."""
        self._known.add(path)
        for index, character in enumerate(path):
            if character == ".":
                self._known.add(path[:index])

    def __contains__(self, path: str) -> bool:
        """Whether this path, or something below it, was told."""
        return path in self._known
