"""Walks plain data (manifests, plans) without a thought for what may be missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

Data = dict[str, Any]


def value(data: Data, *path: str) -> Any:
    """What stands at a path of keys, None where nothing does."""
    current: Any = data
    for key in path:
        if not isinstance(current, dict):
            return None
        current = cast("Data", current).get(key)
    return current


def mapping(data: Data, *path: str) -> Data:
    """The mapping at a path of keys, empty where there is none."""
    found = value(data, *path)
    return cast("Data", found) if isinstance(found, dict) else {}


def items(data: Data, *path: str) -> list[Data]:
    """The list of mappings at a path of keys, empty where there is none."""
    found = value(data, *path)
    return cast("list[Data]", found) if isinstance(found, list) else []


def texts(data: Data, *path: str) -> list[str]:
    """The list of texts at a path of keys, empty where there is none."""
    found = value(data, *path)
    return cast("list[str]", found) if isinstance(found, list) else []


def leaves(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is neither mapping nor list, with its path; mapping keys are leaves too (path ends with `~`)."""
    if isinstance(data, dict):
        for key, item in cast("Data", data).items():
            yield f"{path}.{key}~", key
            yield from leaves(item, f"{path}.{key}")
    elif isinstance(data, list):
        for index, item in enumerate(cast("list[Any]", data)):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, data
