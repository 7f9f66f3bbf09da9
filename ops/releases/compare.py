"""Whether a release changes the tag and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ops.releases.tags import split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.releases.target import Target

_SHOWN = 80


def leaves(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every place at which two documents differ.

    Args:
        before: One document.
        after: The other.
        path: Where they are in a larger one.

    Yields:
        Path, the value before and the value after; None where there is none.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        one, other = cast("dict[str, Any]", before), cast("dict[str, Any]", after)
        for key in sorted({*one, *other}):
            yield from leaves(one.get(key), other.get(key), f"{path}.{key}" if path else key)
    elif (
        isinstance(before, list)
        and isinstance(after, list)
        and len(cast("list[Any]", before)) == len(cast("list[Any]", after))
    ):
        for index, pair in enumerate(zip(cast("list[Any]", before), cast("list[Any]", after), strict=True)):
            yield from leaves(*pair, f"{path}[{index}]")
    elif before != after:
        yield path, before, after


def unexpected(before: Any, after: Any, target: Target) -> list[str]:
    """What would change besides the tag.

    Args:
        before: A workload as it is.
        after: As it would be.
        target: The app with its new tag.

    Returns:
        A line each, `path: before → after`.
    """
    return [
        f"{path}: {_shown(old)} → {_shown(new)}"
        for path, old, new in leaves(before, after)
        if not _is_tag(old, new, target)
    ]


def _is_tag(old: Any, new: Any, target: Target) -> bool:
    if not isinstance(old, str) or not isinstance(new, str):
        return False
    if new in target.images:
        return split(old)[0] == split(new)[0]
    return new == target.tag


def _shown(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"
