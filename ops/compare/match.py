"""Which resource of the head is which of the base: by URN, by alias, or as the same object under another URN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ops.compare.immutable import kind_of
from ops.compare.plain import at

if TYPE_CHECKING:
    from collections.abc import Sequence

_STACK = "pulumi:pulumi:Stack"
Entry = dict[str, Any]
"""A resource as plan.json has it."""


@dataclass(frozen=True)
class Pair:
    """A resource on both sides, or on one.

    Its URN may be another one: `moved` where an alias says so; `lost_alias` where none does, yet it is the same object
    on the same cluster.
    """

    base: Entry | None
    head: Entry | None
    moved: bool = False
    lost_alias: bool = False


@dataclass(frozen=True)
class Side:
    """One plan: its resources, and the types from the outermost component on (`$` between them), by the plan's URN.

    A component of another type gives everything below it another URN. They are put together here once more, because a
    plan may be an older one, whose URNs hold the type of the parent alone.
    """

    entries: dict[str, Entry]
    chains: dict[str, str]

    @classmethod
    def of(cls, resources: Sequence[Entry]) -> Side:
        """Index a plan's resources."""
        entries = {entry["urn"]: entry for entry in resources}
        chains: dict[str, str] = {}

        def chain(entry: Entry) -> str:
            parent = entries.get(entry["parent"] or "")
            if entry["urn"] not in chains:
                inside = parent is not None and parent["type"] != _STACK
                chains[entry["urn"]] = f"{chain(parent)}${entry['type']}" if parent and inside else entry["type"]
            return chains[entry["urn"]]

        for entry in resources:
            chain(entry)
        return cls(entries, chains)

    def urn(self, entry: Entry) -> str:
        """The URN that Pulumi gives a resource."""
        prefix = "::".join(entry["urn"].split("::")[:2])
        return f"{prefix}::{self.chains[entry['urn']]}::{entry['name']}"


def pairs(base: Sequence[Entry], head: Sequence[Entry]) -> list[Pair]:
    """Every resource of either side once; components are left out, they hold nothing themselves."""
    before, after = Side.of(base), Side.of(head)
    olds = {before.urn(entry): entry for entry in base if entry["custom"]}
    news = {after.urn(entry): entry for entry in head if entry["custom"]}
    found = [Pair(olds[urn], entry) for urn, entry in news.items() if urn in olds]
    alone = [entry for urn, entry in news.items() if urn not in olds]
    olds = {urn: entry for urn, entry in olds.items() if urn not in news}
    for entry in alone:
        alias = next((urn for urn in former_urns(entry, after, before) if urn in olds), None)
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


def former_urns(entry: Entry, after: Side, before: Side) -> list[str]:
    """Pulumi's URNs that a resource's aliases name, those that it inherits from its parents included.

    A child of a component with an alias has one too: the parent's former types stand in its URN, and where its name
    begins with the parent's name, so did its former name with the parent's former one
    (https://www.pulumi.com/docs/iac/concepts/resources/options/aliases/).
    """
    found: list[str] = []
    for alias in entry["options"].get("aliases", ()):
        old = before.entries.get(alias)
        # Written out in full, an alias is Pulumi's own URN already.
        found.append(before.urn(old) if old is not None else alias)
    parent = after.entries.get(entry["parent"] or "")
    if parent is None or parent["type"] == _STACK:
        return found
    for former in former_urns(parent, after, before):
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
