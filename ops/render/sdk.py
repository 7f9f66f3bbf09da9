"""Looks up what the providers' SDKs say about a resource type."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

from pulumi import _types  # pyright: ignore[reportPrivateUsage] - the SDK's own reader of output types has no public name
from pulumi.runtime import rpc


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
