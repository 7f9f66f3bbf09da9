"""Two states of an object side by side, for people."""

from __future__ import annotations

import copy
import difflib
from typing import TYPE_CHECKING

import yaml

from ops.kube import section

if TYPE_CHECKING:
    from ops.kube import Manifest

# Written by the server with every change, or by controllers: no difference of the stack.
_SERVER_FIELDS = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")
_CONTEXT_LINES = 3


def bare(item: Manifest) -> Manifest:
    """A live object without what the server and the controllers write."""
    result = copy.deepcopy(item)
    result.pop("status", None)
    for name in _SERVER_FIELDS:
        result["metadata"].pop(name, None)
    return result


def yaml_diff(before: Manifest, after: Manifest, name: str) -> str:
    """Unified diff of two objects as YAML, secrets masked."""
    texts = [
        yaml.safe_dump(_masked(item, previous), sort_keys=True, width=120).splitlines()
        for item, previous in ((before, None), (after, before))
    ]
    lines = difflib.unified_diff(
        *texts, fromfile=f"live {name}", tofile=f"wanted {name}", n=_CONTEXT_LINES, lineterm=""
    )
    return "\n".join(lines)


def _masked(item: Manifest, before: Manifest | None) -> Manifest:
    """A Secret without its values; that a value differs from the one before shows, and not more."""
    if item.get("kind") != "Secret":
        return item
    known = section(before, "data") if before is not None else None
    data = section(item, "data")
    changed = {key for key, value in data.items() if known is not None and known.get(key) != value}
    return {**item, "data": {key: "[secret, changed]" if key in changed else "[secret]" for key in data}}
