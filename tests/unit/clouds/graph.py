"""The order in which Pulumi destroys: every resource before everything that it depends on."""

from __future__ import annotations

from typing import Any

Entry = dict[str, Any]


class Graph:
    """The resources of a plan and what outlives what."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.entries: dict[str, Entry] = {entry["urn"]: entry for entry in plan["resources"]}
        self._reach: dict[str, frozenset[str]] = {}

    def named(self, name: str) -> Entry:
        """The one custom resource of a logical name."""
        found = [e for e in self.entries.values() if e["name"] == name and e["custom"]]
        assert len(found) == 1, f"{name}: {len(found)} resources"
        return found[0]

    def of_type(self, *types: str) -> list[Entry]:
        """Resources whose type is, or starts with, one of some texts."""
        begins = tuple(text for text in types if text.endswith((":", "/")))
        return [e for e in self.entries.values() if e["type"] in types or e["type"].startswith(begins)]

    def edges(self, urn: str) -> set[str]:
        """What a resource depends on directly: named dependencies, values, and its provider. Its parent is left out on
        purpose: that a component is deleted after its children orders no two of them."""
        entry = self.entries[urn]
        values = {other for urns in entry["propertyDependencies"].values() for other in urns}
        provider = {entry["provider"]} if entry["provider"] else set[str]()
        return {*entry["dependencies"], *values, *provider}

    def outlived_by(self, entry: Entry) -> frozenset[str]:
        """URNs of everything that is destroyed after a resource."""
        urn = entry["urn"]
        if urn not in self._reach:
            found, todo = set[str](), [urn]
            while todo:
                new = self.edges(todo.pop()) - found
                found |= new
                todo += new
            self._reach[urn] = frozenset(found)
        return self._reach[urn]

    def goes_before(self, first: Entry, later: Entry) -> bool:
        """Whether a resource is destroyed before another one."""
        return later["urn"] in self.outlived_by(first)
