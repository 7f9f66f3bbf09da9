"""How differences are shown to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.text import Text

from ops.output import console

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ops.pulumi.results import Change, Difference

_MARKS = {"create": "[green]+[/]", "update": "[yellow]~[/]", "replace": "[red]±[/]", "delete": "[red]-[/]"}
_KINDS = {"changed": "[yellow]~[/]", "deleted": "[red]-[/]", "orphan": "[magenta]?[/]"}
_COLORS = {"+": "green", "-": "red", "@": "cyan"}


def show_changes(changes: Iterable[Change], *, several: bool) -> None:
    """Print what `up` would change."""
    for change in changes:
        where = f" on {change.cluster}" if several and change.cluster else ""
        console().print(f"{_MARKS[change.operation]} {change.operation} {escape(change.name)}{where}")
        if change.note:
            console().print(f"    {escape(change.note)}")
        show_diff(change.diff)


def show_differences(differences: Iterable[Difference], *, several: bool) -> None:
    """Print what is not as it was applied."""
    for entry in differences:
        where = f" on {entry.cluster}" if several and entry.cluster else ""
        console().print(f"{_KINDS[entry.kind]} {entry.kind} {escape(entry.name)}{where}")
        if entry.note:
            console().print(f"    {escape(entry.note)}")
        show_diff(entry.diff)


def show_diff(diff: str) -> None:
    """Print a unified diff, indented, without its two heading lines: the line above says as much."""
    for line in diff.splitlines()[2:]:
        console().print(Text(f"    {line}", style=_COLORS.get(line[:1], "")))
