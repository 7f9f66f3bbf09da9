"""Fields that somebody added by hand to a stack's objects: found in what a refresh read, and taken out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ops.cluster.diff import bare, yaml_diff
from ops.cluster.fields import added_by_hand, leads_somewhere, without
from ops.kube import CommandError, Key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ops.cluster.fields import Path
    from ops.kube import Kubectl, Manifest

_MANAGER = "slipway"
_VERSION = ("f:metadata", "f:resourceVersion")
_ATTEMPTS = 5
# What the API server says of a write with a version that is not the newest any more.
_CONFLICT = "modified"


def added(kubectl: Kubectl, live: Iterable[Manifest], wanted: Mapping[Key, Manifest]) -> dict[Key, list[Path]]:
    """The fields added by hand that can be taken out: some the server would put in again, a Service's address say. What
    `wanted`, the program's objects, speak of was changed by hand, not added. Raises UnreachableError, or CommandError
    where somebody else changed an object each time it was asked about."""
    found: dict[Key, list[Path]] = {}
    for item in live:
        key = Key.of(item)
        if key not in wanted:
            continue
        paths = [path for path in added_by_hand(item) if not leads_somewhere(wanted[key], path)]
        if paths and (effective := _effective(kubectl, key, paths)):
            found[key] = effective
    return found


def difference(kubectl: Kubectl, key: Key, paths: list[Path]) -> str:
    """The fields as a diff from what is there to what is wanted."""
    for item in _read(kubectl, key):
        before = bare(item)
        return yaml_diff(before, without(before, paths), str(key))
    return ""


def take_out(kubectl: Kubectl, fields: Mapping[Key, list[Path]]) -> None:
    """Take fields out of live objects; raises CommandError where the API server refuses an object without them."""
    for key, paths in fields.items():
        _past_conflicts(partial(_take_out_of, kubectl, key, paths))


def _effective(kubectl: Kubectl, key: Key, paths: list[Path]) -> list[Path]:
    for live in _read(kubectl, key):
        # Without the version that was read: a controller that writes a status this moment would hide the change.
        asked = without(live, [*paths, _VERSION])
        try:
            (answer,) = _past_conflicts(partial(kubectl.replace, [asked], manager=_MANAGER, dry_run=True))
        except CommandError as error:
            if _CONFLICT in error.text:
                raise
            # An object that is wrong without them: the rollout itself will tell.
            return []
        return paths if bare(answer) != bare(live) else []
    return []


def _past_conflicts(write: Callable[[], list[Manifest]]) -> list[Manifest]:
    """Write, again where a controller wrote between reading the version (kubectl does so itself) and writing."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return write()
        except CommandError as error:
            if _CONFLICT not in error.text:
                raise
    return write()


def _take_out_of(kubectl: Kubectl, key: Key, paths: list[Path]) -> list[Manifest]:
    return kubectl.replace([without(item, paths) for item in _read(kubectl, key)], manager=_MANAGER)


def _read(kubectl: Kubectl, key: Key) -> list[Manifest]:
    return kubectl.get([key.resource, key.name, *(["-n", key.namespace] if key.namespace else [])])
