"""`slipway history`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.commands.options import DEFAULT_STACK, AsJson, StackName

MaybeApp = Annotated[str | None, typer.Argument(metavar="[APP]", help="Name of one app; none: all.")]

_COLORS = {"released": "green", "rolled back": "yellow", "failed": "red", "unfinished": "magenta"}


def history(app: MaybeApp = None, stack: StackName = DEFAULT_STACK, as_json: AsJson = False) -> None:
    """Show who released what and when, newest first."""
    from rich.markup import escape
    from rich.table import Table

    from ops.output import console, print_json, progress
    from ops.releases.command import entries

    found = entries(app, stack, progress(quiet=as_json))
    if as_json:
        print_json([entry.as_dict() for entry in found])
        return
    if not found:
        console().print(f"stack {stack}: nothing was released yet" if app is None else f"{app}: never released")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("WHEN", "APP", "FROM", "TO", "RESULT", "WHO"):
        table.add_column(heading, no_wrap=heading != "WHO", overflow="fold")
    for entry in found:
        result = f"[{_COLORS[entry.result]}]{entry.result}[/]"
        when = f"{entry.at[:19].replace('T', ' ')}Z"
        kind = f"{entry.result} ({entry.kind})" if entry.kind == "rollback" else entry.result
        table.add_row(
            when,
            entry.app,
            entry.before or "-",
            entry.after,
            result.replace(entry.result, kind),
            escape(entry.who),
        )
    console().print(table)
