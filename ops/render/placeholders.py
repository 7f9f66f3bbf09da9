"""References that stand in the plan for values only a provider will know: `${<resource name>.<output>}`."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, cast, get_args, get_origin

from pulumi import _types  # pyright: ignore[reportPrivateUsage] - the SDK's own reader of output types has no public name

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEPTH_LIMIT = 8
REFERENCE = re.compile(r"\$\{[A-Za-z0-9][^${}]*\.[A-Za-z][^${}]*\}")
"""What a reference looks like in a text."""


def reference(name: str, path: str) -> str:
    """The reference to an output.

    Args:
        name: Logical name of the resource.
        path: Output, dotted.

    Returns:
        `${name.path}`.
    """
    return f"${{{name}.{path}}}"


@cache
def _members(output_type: type) -> dict[str, Any]:
    return dict(_types.output_type_types(output_type))


def placeholder(name: str, path: str, declared: Any, given: object = None, depth: int = 0) -> Any:
    """A value for an output that only a provider knows, shaped as the SDK's type says.

    Args:
        name: Logical name of the resource.
        path: Output, dotted.
        declared: The SDK's type of the output.
        given: What the program itself said about it; it wins, member by member.
        depth: How deep the walk is; a type that holds itself ends at some depth.

    Returns:
        The given value, a reference, or a mapping or list of these.
    """
    plain = _types.unwrap_optional_type(declared) if declared is not None else None
    if isinstance(plain, type) and _types.is_output_type(plain):
        if depth >= _DEPTH_LIMIT or not (given is None or isinstance(given, dict)):
            return given or reference(name, path)
        known = cast("Mapping[str, object]", given or {})
        members = _members(plain)
        filled = {
            key: placeholder(name, f"{path}.{key}", member, known.get(key), depth + 1)
            for key, member in members.items()
        }
        return {**known, **filled}
    if given is not None:
        if isinstance(given, list) and get_args(plain):
            element = get_args(plain)[0]
            items = enumerate(cast("list[object]", given))
            return [placeholder(name, f"{path}[{i}]", element, item, depth + 1) for i, item in items]
        return cast("Any", given)
    if get_origin(plain) is not None and depth < _DEPTH_LIMIT:
        arguments = get_args(plain)
        if len(arguments) == 1:
            return [placeholder(name, f"{path}[0]", arguments[0], None, depth + 1)]
        return {}
    return reference(name, path)
