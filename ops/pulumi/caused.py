"""Which properties of a refreshed resource differ from what the program set.

A cloud fills in what nobody asked for: a role's `managedPolicyArns` once a policy is attached by another resource, the
routes of a table, tags of its own. Providers report these as updates of a stack that nobody touched
(https://github.com/pulumi/pulumi-aws/issues/2246); only what the program set can have drifted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_DEFAULTS = "__defaults"
"""Pulumi's bridge keeps here, at each level, the names of the inputs that it filled in itself."""
_MASK = "[secret]"
_WHOLE = frozenset({"tags", "labels", "resourceLabels", "userLabels"})
"""Maps in which an entry that somebody added is a difference, too: `up` takes it away."""
_ROOT = re.compile(r'^(?:\["([^"]+)"\]|([^.\[]+))')


@dataclass(frozen=True)
class Refreshed:
    """What a refresh step says of a resource. `registered`: inputs in the state, what the program registered last and
    the provider's defaults; `inputs`: as read, empty where the provider reads none back; `named`: paths that the
    provider names as different (`tags.Name`, `ingress[0].fromPort`), None: look at every property."""

    registered: Mapping[str, Any]
    inputs: Mapping[str, Any]
    before: Mapping[str, Any] = field(default_factory=dict[str, Any])
    after: Mapping[str, Any] = field(default_factory=dict[str, Any])
    named: Iterable[str] | None = None


def counting(step: Refreshed) -> list[str]:
    """Names of the top-level inputs whose difference counts, sorted; none: it is the cloud's own doing, no drift."""
    candidates = _set_by_program(step.registered)
    if step.named is not None:
        candidates &= {root for path in step.named if (root := _root(path))}
    return sorted(name for name in candidates if _differs(name, step))


def _root(path: str) -> str | None:
    match = _ROOT.match(path)
    return (match[1] or match[2]) if match else None


def _set_by_program(values: Mapping[str, Any]) -> set[str]:
    return set(values) - {_DEFAULTS, *values.get(_DEFAULTS, ())}


def _differs(name: str, step: Refreshed) -> bool:
    wanted = step.registered[name]
    if name in step.inputs:
        there = step.inputs[name]
    elif step.inputs or name not in step.before:
        # The other inputs were read back and this one was not: it is gone.
        return True
    else:
        wanted, there = step.before[name], step.after.get(name)
    if _MASK in (wanted, there):
        # Values are hidden from events; that they differ, only the provider knows.
        return step.named is not None
    return wanted != there if name in _WHOLE else not _holds(wanted, there)


def _holds(wanted: Any, there: Any) -> bool:
    """Whether everything that the program set is there; a mapping may have more."""
    if isinstance(wanted, dict) and isinstance(there, dict):
        asked, found = cast("dict[str, Any]", wanted), cast("dict[str, Any]", there)
        return all(key in found and _holds(asked[key], found[key]) for key in _set_by_program(asked))
    if isinstance(wanted, list) and isinstance(there, list):
        items, others = cast("list[Any]", wanted), cast("list[Any]", there)
        return len(items) == len(others) and all(map(_holds, items, others))
    return wanted == there
