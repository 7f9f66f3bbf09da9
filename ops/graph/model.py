"""What is drawn: boxes in boxes, and arrows between the innermost ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = ("stateless", "stateful", "daemon", "alias", "outside", "database", "platform", "system")
"""How a node looks."""


@dataclass(frozen=True)
class Node:
    """An innermost box.

    Attributes:
        key: Unique in the picture.
        title: First line.
        lines: Further lines.
        kind: One of `KINDS`.
        entries: How it is reached from outside, for example `:30080`.
    """

    key: str
    title: str
    lines: tuple[str, ...] = ()
    kind: str = "stateless"
    entries: tuple[str, ...] = ()


@dataclass
class Group:
    """A box with boxes in it.

    Attributes:
        key: Unique in the picture.
        title: Its name.
        note: What it is, behind the name.
        kind: `stack`, `cloud`, `cluster` or `namespace`.
        nodes: Innermost boxes in it.
        groups: Boxes with boxes in it.
    """

    key: str
    title: str
    note: str = ""
    kind: str = "namespace"
    nodes: list[Node] = field(default_factory=list["Node"])
    groups: list[Group] = field(default_factory=list["Group"])

    def everything(self) -> Iterator[Node]:
        """Every node in it, at any depth."""
        yield from self.nodes
        for group in self.groups:
            yield from group.everything()


@dataclass(frozen=True, order=True)
class Edge:
    """An arrow: who connects to whom.

    Attributes:
        source: Key of a node.
        target: Key of a node.
        label: Port, or empty.
    """

    source: str
    target: str
    label: str = ""


@dataclass(frozen=True)
class Picture:
    """A whole picture.

    Attributes:
        title: Heading.
        note: A line below it.
        root: The outermost box; it is not drawn itself.
        edges: The arrows.
    """

    title: str
    note: str
    root: Group
    edges: tuple[Edge, ...]
