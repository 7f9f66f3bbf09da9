"""Fields that somebody added by hand: server-side apply leaves them alone, because the program never spoke of them."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any, cast

from ops.kube import entries, section

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ops.kube import Manifest

Path = tuple[str, ...]
"""Way to a field in the notation of `managedFields`: `f:` a key, `k:` a list's item by its keys, `v:` one by its value,
`i:` one by its position, and `.` the thing itself
(https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management)."""

_ITSELF = "."
# The tools by which people change objects, as they name themselves to the API server. Everything else that writes is
# taken for a controller, whose fields are its own business.
_TOOLS = re.compile(
    r"^(kubectl|oc|k9s|lens|openlens|freelens|headlamp|dashboard|kubernetes-dashboard|octant|curl|wget|httpie|postman\w*"
    r"|mozilla|node-fetch|axios|python|python-\w+|openapi-generator|okhttp|fabric8-\S*)([-/].*)?$",
    re.IGNORECASE,
)
# What tools note for themselves, and a restart that was asked for: no difference of what is wanted.
_NOTES = ("f:kubectl.kubernetes.io/", "f:kubernetes.io/change-cause", "f:deployment.kubernetes.io/")
_METADATA = ("f:labels", "f:annotations")


def is_tool(manager: str) -> bool:
    """Whether a field manager (by its name in `managedFields`) is a tool in somebody's hands."""
    return _TOOLS.match(manager) is not None


def added_by_hand(item: Manifest) -> list[Path]:
    """Fields that only people's tools own, sorted, those of things inside an added thing left out. The object has
    `managedFields` and every wanted field its owner, as in the answer to an apply of what is wanted."""
    theirs: set[Path] = set()
    others: set[Path] = set()
    for entry in entries(item, "metadata", "managedFields"):
        # Status, and replicas set through `scale`, are ways for controllers; what is wanted is compared by itself.
        if not entry.get("subresource"):
            (theirs if is_tool(str(entry.get("manager", ""))) else others).update(_leaves(section(entry, "fieldsV1")))
    kept = {path[:length] for path in others for length in range(1, len(path) + 1)}
    found = sorted(path for path in theirs - others if _counts(path) and not _is_presence(path, kept))
    whole = {path[:-1] for path in found if path[-1] == _ITSELF}
    return [path for path in found if not any(_is_inside(path, way) for way in whole)]


def without(item: Manifest, paths: Iterable[Path]) -> Manifest:
    """A copy of an object without some fields (ways that lead nowhere are fine); what they leave empty goes too."""
    result = copy.deepcopy(item)
    for path in paths:
        _remove(result, path[:-1] if path[-1] == _ITSELF else path)
    return result


def leads_somewhere(item: Manifest, path: Path) -> bool:
    """Whether a way leads to something in an object."""
    current: Any = item
    for step in path[:-1] if path[-1] == _ITSELF else path:
        here = _index(current, step)
        if here is None:
            return False
        current = current[here]
    return True


def _leaves(tree: Manifest, way: Path = ()) -> Iterator[Path]:
    for name, below in tree.items():
        if below:
            yield from _leaves(cast("Manifest", below), (*way, name))
        else:
            yield (*way, name)


def _counts(path: Path) -> bool:
    if path[0] == "f:status" or (path[0] == "f:metadata" and (len(path) < 3 or path[1] not in _METADATA)):
        return False
    return not any(step.startswith(_NOTES) for step in path)


def _is_presence(path: Path, kept: set[Path]) -> bool:
    """Whether it only says that a mapping or list exists, or that an item of somebody else's does."""
    return path[-1] == _ITSELF and (not path[-2].startswith(("k:", "v:")) or path[:-1] in kept)


def _is_inside(path: Path, way: Path) -> bool:
    return path[: len(way)] == way and path[len(way) :] != (_ITSELF,)


def _remove(parent: Any, path: Path) -> None:
    """Remove what the path leads to; containers that become empty by that go as well."""
    here = _index(parent, path[0])
    if here is None:
        return
    if len(path) == 1:
        del parent[here]
        return
    below = parent[here]
    _remove(below, path[1:])
    if below in ({}, []):
        del parent[here]


def _index(parent: Any, step: str) -> Any:
    """The key or position that a step leads to, or None."""
    kind, _, name = step.partition(":")
    if kind == "f":
        return name if isinstance(parent, dict) and name in parent else None
    if not isinstance(parent, list):
        return None
    items = cast("list[Any]", parent)
    if kind == "i":
        return int(name) if int(name) < len(items) else None
    wanted = json.loads(name)
    if kind == "v":
        return next((n for n, value in enumerate(items) if value == wanted), None)
    return next((n for n, value in enumerate(items) if _has(value, wanted)), None)


def _has(value: Any, keys: dict[str, Any]) -> bool:
    # A key with a default may be left out of the object, never of managedFields.
    return isinstance(value, dict) and all(
        cast("dict[str, Any]", value).get(key, _DEFAULTS.get(key)) == wanted for key, wanted in keys.items()
    )


_DEFAULTS = {"protocol": "TCP"}
