"""Parses settings given as a tree, and tells what is wrong with them."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from stacks.settings import Settings, SettingsError, parse

if TYPE_CHECKING:
    from stacks.settings import Problem

PROJECT = "slipway"
BASE: dict[str, Any] = {
    "clusters": {"local": {"kind": "embedded", "ingress": {}, "monitoring": {}}},
    "apps": {"nginx": {"cluster": "local"}, "h2o-example": {"cluster": "local"}},
}
"""A small stack that is right."""
ABSENT = object()
"""Stands for a key that is taken out."""


def with_values(changes: dict[str, Any], base: dict[str, Any] = BASE) -> dict[str, Any]:
    """A copy of a tree with values set at dotted paths (`apps.nginx.replicas`)."""
    tree = copy.deepcopy(base)
    for path, value in changes.items():
        *way, last = path.split(".")
        current = tree
        for key in way:
            current = current.setdefault(key, {})
        if value is ABSENT:
            current.pop(last, None)
        else:
            current[last] = value
    return tree


def engine_values(tree: dict[str, Any], project: str = PROJECT) -> dict[str, str]:
    """A tree as Pulumi's engine hands it over: flat, everything text, structures as JSON."""
    return {f"{project}:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in tree.items()}


def accept(tree: dict[str, Any]) -> Settings:
    """Parse a tree that must be right."""
    return parse(engine_values(tree), project=PROJECT, source="Pulumi.test.yaml")


def refuse(tree: dict[str, Any]) -> SettingsError:
    """Parse a tree that must be wrong, and return the error."""
    try:
        accept(tree)
    except SettingsError as error:
        return error
    raise AssertionError(f"accepted: {tree}")


def problem(tree: dict[str, Any]) -> Problem:
    """The only problem of a tree."""
    error = refuse(tree)
    assert len(error.problems) == 1, str(error)
    return error.problems[0]
