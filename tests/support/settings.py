"""Parses settings given as a tree, and tells what is wrong with them."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from stacks.settings import Settings, SettingsError, parse

if TYPE_CHECKING:
    from stacks.settings import Problem

PROJECT = "slipway"
BASE: dict[str, Any] = {
    "clusters": {"local": {"kind": "embedded", "ingress": {}, "monitoring": {}}},
    "apps": {"nginx": {"cluster": "local"}, "h2o-example": {"cluster": "local"}},
}
"""A small stack that is right."""
CLOUDS: dict[str, Any] = {
    "lifecycle": "durable",
    "clouds": {
        "asia": {"kind": "gcp", "project": "example-project", "region": "asia-east1"},
        "tokyo": {"kind": "aws", "region": "ap-northeast-1", "accountId": "123456789012"},
    },
    "state": {"cloud": "tokyo", "bucket": "kops-state.example.com"},
    "zones": {"k8s": {"cloud": "tokyo", "mainZone": {"name": "example.com"}, "subZone": "k8s.example.com"}},
    "registries": {
        "asia": {"kind": "artifact-registry", "cloud": "asia"},
        "tokyo": {"kind": "ecr", "cloud": "tokyo", "images": ["h2o"]},
    },
    "clusters": {
        "nginx-asia": {"kind": "gke", "cloud": "asia", "location": "asia-east1-a", "registry": "asia"},
        "staging": {
            "kind": "eks",
            "cloud": "tokyo",
            "zones": ["ap-northeast-1a", "ap-northeast-1c"],
            "registry": "tokyo",
            "admins": ["arn:aws:iam::123456789012:role/admin"],
            "ingress": {},
        },
    },
    "databases": {
        "mysql": {"cluster": "nginx-asia", "engine": "mysql", "version": "8.4", "database": "d", "user": "u"},
        "postgres": {"cluster": "staging", "engine": "postgres", "version": "17", "database": "d", "user": "u"},
    },
    "deployers": {
        "asia": {"cluster": "nginx-asia", "github": "owner/name"},
        "tokyo": {"cluster": "staging", "github": "owner/name"},
    },
    "apps": {
        "http-debug-server": {"cluster": "staging", "host": "debug.k8s.example.com"},
        "example-app": {"cluster": "nginx-asia", "database": "mysql"},
    },
}
"""The same of a stack with everything in both clouds."""
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


def accept(tree: dict[str, Any], stack: str | None = None) -> Settings:
    """Parse a tree that must be right."""
    return parse(engine_values(tree), project=PROJECT, source="Pulumi.test.yaml", stack=stack)


def refuse(tree: dict[str, Any]) -> SettingsError:
    """Parse a tree that must be wrong, and return the error."""
    with pytest.raises(SettingsError) as caught:
        accept(tree)
    return caught.value


def problem(tree: dict[str, Any]) -> Problem:
    """The only problem of a tree."""
    (found,) = refuse(tree).problems
    return found


def problems(tree: dict[str, Any], stack: str | None = None) -> dict[str, str]:
    """Key path to remedy of what is wrong; empty where nothing is."""
    try:
        accept(tree, stack)
    except SettingsError as error:
        return {problem.path.removeprefix(f"{PROJECT}:"): problem.remedy for problem in error.problems}
    return {}
