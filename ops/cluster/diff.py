"""Two states of an object side by side, for people."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from ops.compare.plain import masked, unified

if TYPE_CHECKING:
    from ops.kube import Manifest

# Written by the server with every change, or by controllers: no difference of the stack.
_SERVER_FIELDS = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")


def bare(item: Manifest) -> Manifest:
    """A live object without what the server and the controllers write."""
    result = copy.deepcopy(item)
    result.pop("status", None)
    for name in _SERVER_FIELDS:
        result["metadata"].pop(name, None)
    return result


def yaml_diff(before: Manifest, after: Manifest, name: str) -> str:
    """Unified diff of two objects as YAML, secrets masked; empty where nothing differs."""
    lines = unified(*masked(str(before.get("kind")), before, after))
    return f"--- live {name}\n+++ wanted {name}\n{lines}" if lines else ""
