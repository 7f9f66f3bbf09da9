"""Which changes of a resource cannot be made in place: it is made anew and the old one goes, or the cloud refuses.

The table is `replacing.toml`, each row with its source. What the API server refuses of a Kubernetes object, Pulumi
replaces.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ops.compare.plain import ELEMENT, at, differing, mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TABLE = Path(__file__).with_name("replacing.toml")
_CONTENT = {"ConfigMap": ("data", "binaryData"), "Secret": ("data", "stringData")}
_MUTABLE = {"ConfigMap": "enableConfigMapMutable", "Secret": "enableSecretMutable"}
_KUBERNETES = "kubernetes"
_KUBERNETES_PROVIDER = "pulumi:providers:kubernetes"

_GROWING = {
    "PersistentVolumeClaim": ("spec", "resources", "requests", "storage"),
    "gcp:sql/databaseInstance:DatabaseInstance": ("settings", "diskSize"),
}
"""Sizes that only grow."""
_FORWARD = {
    "aws:eks/cluster:Cluster": "version",
    "aws:eks/nodeGroup:NodeGroup": "version",
    "aws:rds/instance:Instance": "engineVersion",
    "gcp:sql/databaseInstance:DatabaseInstance": "databaseVersion",
}
"""Versions that only rise."""

REFUSES = "its cloud refuses"
"""How the sentence on a refusal begins."""
_NUMBER = re.compile(r"\d+")
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([KMGTPE]i?|k|m)?")
_DECIMAL = {"k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}


def quantity(value: object) -> float | None:
    """A Kubernetes quantity (`10Gi`, `500m`) or a plain number, in its unit; None where it is neither."""
    if isinstance(value, int | float):
        return float(value)
    found = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    number, suffix = float(found.group(1)), found.group(2) or ""
    if suffix == "m":
        return number / 1000
    return number * (1024 if suffix.endswith("i") else 1000) ** (_DECIMAL[suffix[0]] if suffix else 0)


def kind_of(token: str) -> str:
    """The last part of a type token: `StatefulSet` of `kubernetes:apps/v1:StatefulSet`."""
    return token.rpartition(":")[2]


@cache
def table() -> dict[str, dict[str, Any]]:
    """The rows of `replacing.toml` by their key: a type token, or `kubernetes:` and a kind."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def key_of(token: str) -> str:
    """The key of a type's row: of a Kubernetes object, its kind in whatever version of its API."""
    return f"{_KUBERNETES}:{kind_of(token)}" if token.startswith(f"{_KUBERNETES}:") else token


def _row(token: str, column: str) -> tuple[str, ...]:
    return tuple(cast("list[str]", table().get(key_of(token), {}).get(column, ())))


def fixed_paths(token: str, provider: Mapping[str, Any]) -> tuple[str, ...]:
    """Inputs of a type that cannot be changed in place."""
    own = (*_row(token, "replaces"), *(_row(token, "refused") if token.startswith(f"{_KUBERNETES}:") else ()))
    if not token.startswith(f"{_KUBERNETES}:"):
        return own
    kind = kind_of(token)
    if str(provider.get(_MUTABLE.get(kind, ""), "")).lower() == "true":
        own = tuple(path for path in own if path not in _CONTENT[kind])
    return (*cast("list[str]", table()[_KUBERNETES]["replaces"]), *own)


def identity_paths(token: str, inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """Inputs of a cloud resource or a provider that cannot be changed in place. None for a Kubernetes object, whose
    fields never come from what is replaced."""
    if token == _KUBERNETES_PROVIDER and inputs.get("clusterIdentifier"):
        return ("clusterIdentifier",)  # says by itself which cluster it is; credentials may change
    return () if token.startswith(f"{_KUBERNETES}:") else _row(token, "replaces")


def replacements(
    token: str,
    base: Mapping[str, Any],
    head: Mapping[str, Any],
    provider: Mapping[str, Any],
    options: Mapping[str, Any],
) -> list[str]:
    """Why a resource must be replaced, a sentence for each reason; `replaceOnChanges` and `ignoreChanges` count."""
    paths = identity_paths(token, base) if token == _KUBERNETES_PROVIDER else fixed_paths(token, provider)
    fixed = {path: f"`{path}` cannot be changed in place" for path in paths}
    fixed |= {path: f"`{path}` is in replaceOnChanges" for path in options.get("replaceOnChanges", ())}
    changed = changes(base, head, options)
    found = {reason: None for path in changed for rule, reason in fixed.items() if covers(rule, path)}
    return [*found, *_shrinking(token, base, head, changed)]


def refusals(token: str, base: Mapping[str, Any], head: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    """What of a change a cloud refuses, a sentence for each input; one for a type without a row."""
    if key_of(token) not in table():
        return ["whether this can be made in place only the engine's preview knows"]
    changed = changes(base, head, options)
    refused = [path for path in _row(token, "refused") if any(covers(path, leaf) for leaf in changed)]
    said = [f"{REFUSES} to change `{path}`" for path in refused]
    key = _FORWARD.get(token, "")
    old, new = (str(side.get(key, "")) for side in (base, head))
    back = (key,) in changed and [*map(int, _NUMBER.findall(new))] < [*map(int, _NUMBER.findall(old))]
    return [*said, *([f"{REFUSES} to go back from {old} to {new}"] if back else [])]


def changes(base: Mapping[str, Any], head: Mapping[str, Any], options: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Paths of the inputs that differ, without those that the head tells the engine to ignore."""
    ignored = options.get("ignoreChanges", ())
    return [path for path in differing(base, head) if not any(covers(rule, path) for rule in ignored)]


def covers(rule: str, path: tuple[str, ...]) -> bool:
    """Whether a changed leaf lies at or below a rule's path (dots between names, `*` for any), or holds it whole."""
    wanted = [part for part in re.split(r"[.\[\]]+", rule) if part and part != "*" and not part.isdigit()]
    if rule == "*":
        return True
    names = [part for part in path if part != ELEMENT]
    length = min(len(wanted), len(names))
    return length > 0 and wanted[:length] == names[:length]


def _shrinking(
    token: str, base: Mapping[str, Any], head: Mapping[str, Any], changed: list[tuple[str, ...]]
) -> Iterator[str]:
    path = _GROWING.get(token) or _GROWING.get(kind_of(token))
    if path not in changed:
        return
    old, new = at(mapping(base), *path), at(mapping(head), *path)
    sizes = quantity(old), quantity(new)
    if sizes[0] is not None and sizes[1] is not None and sizes[1] < sizes[0]:
        yield f"`{'.'.join(path)}` shrinks from {old} to {new}, which no provider does in place"
