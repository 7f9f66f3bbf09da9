"""References that stand in the plan for values only a provider will know: `${<resource name>.<output>}`."""

from __future__ import annotations

import importlib
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast, get_args, get_origin

from pulumi import _types  # pyright: ignore[reportPrivateUsage] - the SDK's own reader of output types has no public name
from pulumi.runtime import rpc

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEPTH_LIMIT = 8
_MADE_UP = 4
"""How many objects are made up one in the other; the deepest that is read is `status.loadBalancer.ingress[0].ip`."""
REFERENCE = re.compile(r"\$\{[A-Za-z0-9][^${}]*\.[A-Za-z][^${}]*\}")
"""What a reference looks like in a text."""


def reference(name: str, path: str) -> str:
    """The reference to an output by its dotted path: `${name.path}`."""
    return f"${{{name}.{path}}}"


@cache
def resource_class(token: str) -> type[Any] | None:
    """The SDK's class of a resource type; None for a provider or an unknown type."""
    package, module, _ = token.split(":", 2)
    for candidate in rpc._RESOURCE_MODULES.get(f"{package}:{module}", []):  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - there is no public lookup
        info: dict[str, Any] = getattr(candidate, "mod_info", {})
        name = info.get("classes", {}).get(token)
        if name:
            return getattr(importlib.import_module(info["fqn"]), name)
    return None


@cache
def output_types(token: str) -> dict[str, Any]:
    """Output name to SDK type of a resource type; empty for a provider or an unknown type."""
    found = resource_class(token)
    return {} if found is None else dict(_types.resource_types(found))


@cache
def _members(output_type: type) -> dict[str, Any]:
    return dict(_types.output_type_types(output_type))


def placeholder(name: str, path: str, declared: Any, given: object = None, depth: int = 0, left: int = _MADE_UP) -> Any:
    """A value for an output that only a provider knows, shaped as the SDK's type says; None for an object not made up.
    What the program itself gave wins, member by member. Where it gave an object, only its missing texts and numbers are
    made up, no further objects (`left` is how many still may be): the API server puts a node port or a cluster address
    beside what it was given, but no affinity into a pod. All that the SDK's types allow took most of a run's time."""
    plain = _types.unwrap_optional_type(declared) if declared is not None else None
    if isinstance(plain, type) and _types.is_output_type(plain):
        if depth >= _DEPTH_LIMIT or not (given is None or isinstance(given, dict)):
            return given or reference(name, path)
        if given is None and not left:
            return None
        known = cast("Mapping[str, object]", given or {})
        beyond = left - 1 if given is None else 0
        members = _members(plain)
        filled = {
            key: placeholder(name, f"{path}.{key}", member, known.get(key), depth + 1, beyond)
            for key, member in members.items()
        }
        return {**known, **{key: value for key, value in filled.items() if value is not None}}
    if given is not None:
        if isinstance(given, list) and get_args(plain):
            element = get_args(plain)[0]
            items = enumerate(cast("list[object]", given))
            return [placeholder(name, f"{path}[{i}]", element, item, depth + 1, left) for i, item in items]
        return cast("Any", given)
    if get_origin(plain) is Literal:
        return get_args(plain)[0]
    if get_origin(plain) is not None and depth < _DEPTH_LIMIT:
        arguments = get_args(plain)
        if len(arguments) == 1:
            element = placeholder(name, f"{path}[0]", arguments[0], None, depth + 1, left)
            return None if element is None else [element]
        return {}
    return reference(name, path)
