"""`slipway drift`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ops.commands.options import DEFAULT_STACK, AsJson, StackName

if TYPE_CHECKING:
    from ops.pulumi.results import Drift

DIFFERS = 2
"""Exit code when something differs."""


def drift(stack: StackName = DEFAULT_STACK, as_json: AsJson = False) -> None:
    """Show what is not as it was applied, and what was never applied; exit code 2 when there is any."""
    from ops.load import load
    from ops.output import print_json, progress
    from ops.pulumi import cli
    from ops.pulumi.drift import drift as run

    report = progress(quiet=as_json)
    loaded = load(stack, report)
    found = run(cli.find(report), loaded)
    if as_json:
        print_json({"stack": stack, **found.as_dict()})
    else:
        _show(stack, found)
    if found.any:
        raise typer.Exit(DIFFERS)


def _show(stack: str, found: Drift) -> None:
    from ops.commands.changes import show
    from ops.output import console

    out = console()
    several = len({entry.cluster for entry in (*found.differences, *found.pending)}) > 1
    if found.interrupted:
        out.print("[bold]Interrupted:[/]")
        for said in found.interrupted:
            out.print(f"  {said}", markup=False)
    if found.differences:
        out.print("[bold]Not as it was applied[/] (- what is there, + what was applied):")
        show(found.differences, several=several)
    if found.pending:
        out.print("[bold]Not applied yet[/] (the program says otherwise than the last `up`):")
        show(found.pending, several=several)
    for said in found.unasked:
        out.print(f"not asked: {said}", markup=False)
    if not found.any:
        out.print(f"stack {stack}: no drift")
        return
    told = [f"{count} {kind}" for kind, count in found.counts.items() if count]
    told += [f"{len(found.pending)} not applied yet"] if found.pending else []
    out.print(f"stack {stack}: {', '.join(told) or 'interrupted'}; `slipway up --stack {stack}` puts it right")
