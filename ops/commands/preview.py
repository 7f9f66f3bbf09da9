"""`slipway preview`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.commands.options import DEFAULT_STACK, AsJson, EngineWish, StackName

if TYPE_CHECKING:
    from ops.engines.base import Change, Preview

_MARKS = {"create": "[green]+[/]", "update": "[yellow]~[/]", "replace": "[red]±[/]", "delete": "[red]-[/]"}
_COLORS = {"+": "green", "-": "red", "@": "cyan"}


def preview(stack: StackName = DEFAULT_STACK, engine: EngineWish = None, as_json: AsJson = False) -> None:
    """Show what `up` would change; exit code 0 whether or not there are changes."""
    from ops.commands.engine import engine as chosen
    from ops.output import print_json, progress
    from ops.stack import load

    report = progress(quiet=as_json)
    loaded = load(stack, report)
    found = chosen(engine, report).preview(loaded)
    if as_json:
        print_json(found.as_dict())
    else:
        _show(stack, found)


def _show(stack: str, found: Preview) -> None:
    from ops.output import console

    out = console()
    if not found.changes:
        out.print(f"stack {stack}: no changes")
        return
    several = len({change.cluster for change in found.changes}) > 1
    for change in found.changes:
        where = f" on {change.cluster}" if several and change.cluster else ""
        out.print(f"{_MARKS[change.operation]} {change.operation} {_escaped(change.name)}{where}")
        _show_diff(change)
    summary = ", ".join(f"{count} to {operation}" for operation, count in found.counts.items())
    out.print(f"stack {stack}: {summary}")


def _show_diff(change: Change) -> None:
    from rich.text import Text

    from ops.output import console

    # The two heading lines say nothing that the line above them does not.
    for line in change.diff.splitlines()[2:]:
        console().print(Text(f"    {line}", style=_COLORS.get(line[:1], "")))


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
