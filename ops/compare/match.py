"""Which resource of the head is which of the base: by URN, by alias, or as the same object under another URN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ops.compare.immutable import kind_of
from ops.compare.plain import at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_STACK = "pulumi:pulumi:Stack"
Entry = dict[str, Any]
"""A resource as plan.json has it."""


@dataclass(frozen=True)
class Pair:
    """A resource on both sides, or on one. Its URN may be another one: `moved` where an alias says so, `lost_alias`
    where none does, yet it is the same object on the same cluster."""

    base: Entry | None
    head: Entry | None
    moved: bool = False
    lost_alias: bool = False


def pairs(base: Sequence[Entry], head: Sequence[Entry]) -> list[Pair]:
    """Every resource of either side once; components are left out, they hold nothing themselves."""
    olds = {entry["urn"]: entry for entry in base if entry["custom"]}
    news = {entry["urn"]: entry for entry in head if entry["custom"]}
    entries = {entry["urn"]: entry for entry in head}
    found = [Pair(olds[urn], entry) for urn, entry in news.items() if urn in olds]
    alone = [entry for urn, entry in news.items() if urn not in olds]
    olds = {urn: entry for urn, entry in olds.items() if urn not in news}
    for entry in alone:
        alias = next((urn for urn in former_urns(entry, entries) if urn in olds), None)
        if alias is not None:
            found.append(Pair(olds.pop(alias), entry, moved=True))
            continue
        same = next((urn for urn, old in olds.items() if _identity(old) and _identity(old) == _identity(entry)), None)
        if same is not None:
            found.append(Pair(olds.pop(same), entry, lost_alias=True))
        else:
            found.append(Pair(None, entry))
    found += [Pair(entry, None) for entry in olds.values()]
    return sorted(found, key=lambda pair: (pair.head or pair.base or {})["urn"])


def former_urns(entry: Entry, entries: Mapping[str, Entry]) -> list[str]:
    """Pulumi's URNs that a resource's aliases name, those that it inherits from its parents included: the parent's
    former types stand in a child's URN, and where its name begins with the parent's name, so did its former name with
    the parent's former one (https://www.pulumi.com/docs/iac/concepts/resources/options/aliases/)."""
    found = list(entry["options"].get("aliases", ()))
    parent = entries.get(entry["parent"] or "")
    if parent is None or parent["type"] == _STACK:
        return found
    for former in former_urns(parent, entries):
        head, _, former_name = former.rpartition("::")
        name: str = entry["name"]
        if name.startswith(parent["name"]):
            name = former_name + name[len(parent["name"]) :]
        found.append(f"{head}${entry['type']}::{name}")
    return found


def _identity(entry: Entry) -> tuple[str, ...] | None:
    """Which object of which cluster a Kubernetes resource is."""
    if not entry["type"].startswith("kubernetes:"):
        return None
    name, namespace = (at(entry["inputs"], "metadata", key) for key in ("name", "namespace"))
    if not name:
        return None
    # A cluster is known by its provider's logical name: the provider itself may have been moved.
    provider = str(entry["provider"]).rpartition("::")[2]
    return provider, kind_of(entry["type"]), str(namespace or ""), str(name)
