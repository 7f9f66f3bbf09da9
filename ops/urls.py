"""URLs that hold references: resolved from the live objects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from ops.kube import Key, section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.kube import Manifest

_REFERENCE = re.compile(r"\$\{([^${}]+?)\.((?:[A-Za-z][A-Za-z0-9]*|\[\d+\])(?:\.[A-Za-z][A-Za-z0-9]*|\[\d+\])*)\}")
_STEP = re.compile(r"[A-Za-z][A-Za-z0-9]*|\d+")


def objects_by_resource(plan: Mapping[str, Any]) -> dict[str, Key]:
    """Which Kubernetes object each resource of a plan is.

    Args:
        plan: Content of plan.json.

    Returns:
        Resource name to the object's key; references in the namespace's place are resolved to its name.
    """
    kubernetes = [r for r in cast("list[dict[str, Any]]", plan["resources"]) if "apiVersion" in r["inputs"]]
    namespaces = {
        f"${{{r['name']}.metadata.name}}": r["inputs"]["metadata"]["name"]
        for r in kubernetes
        if r["inputs"].get("kind") == "Namespace"
    }
    found: dict[str, Key] = {}
    for resource in kubernetes:
        inputs = cast("Manifest", resource["inputs"])
        if "name" in section(inputs, "metadata"):
            key = Key.of(inputs)
            found[resource["name"]] = key._replace(namespace=namespaces.get(key.namespace, key.namespace))
    return found


def resolve(text: str, resources: Mapping[str, Key], live: Mapping[Key, Manifest]) -> str | None:
    """A text with its references replaced by what the live objects say.

    Args:
        text: May hold `${<resource>.<path>}`.
        resources: Resource name to object.
        live: The live objects.

    Returns:
        The text; None when an object or its field is not there (yet).
    """
    missing = False

    def value(match: re.Match[str]) -> str:
        nonlocal missing
        key = resources.get(match.group(1))
        current: Any = live.get(key) if key else None
        for step in _STEP.findall(match.group(2)):
            if isinstance(current, dict):
                current = cast("dict[str, Any]", current).get(step)
            elif isinstance(current, list) and step.isdigit():
                entries = cast("list[Any]", current)
                current = entries[int(step)] if int(step) < len(entries) else None
            else:
                current = None
        missing = missing or current is None
        return str(current)

    resolved = _REFERENCE.sub(value, text)
    return None if missing or "${" in resolved else resolved
