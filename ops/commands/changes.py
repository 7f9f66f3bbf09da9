"""How differences are shown to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.text import Text

from ops.output import console
from ops.pulumi.results import Change

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ops.pulumi.results import Difference

_COLORS = {"+": "green", "-": "red", "@": "cyan"}
_MARKS = {
    "create": "[green]+[/]",
    "update": "[yellow]~[/]",
    "replace": "[red]±[/]",
    "delete": "[red]-[/]",
    "changed": "[yellow]~[/]",
    "deleted": "[red]-[/]",
    "orphan": "[magenta]?[/]",
}


def show(found: Iterable[Change | Difference], *, several: bool) -> None:
    """Print what `up` would change, or what is not as it was applied; with the cluster where there are several."""
    for entry in found:
        word = entry.operation if isinstance(entry, Change) else entry.kind
        where = f" on {entry.cluster}" if several and entry.cluster else ""
        console().print(f"{_MARKS[word]} {word} {escape(entry.name)}{where}")
        if entry.note:
            console().print(f"    {escape(entry.note)}")
        # Without the heading of a unified diff: the line above says as much.
        for line in entry.diff.splitlines()[2:]:
            console().print(Text(f"    {line}", style=_COLORS.get(line[:1], "")))
