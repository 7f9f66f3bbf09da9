"""`slipway preview`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.commands.options import DEFAULT_STACK, AsJson, StackName

if TYPE_CHECKING:
    from ops.pulumi.results import Preview


def preview(stack: StackName = DEFAULT_STACK, as_json: AsJson = False) -> None:
    """Show what `up` would change; exit code 0 whether or not there are changes."""
    from ops.output import print_json, progress
    from ops.pulumi import cli
    from ops.pulumi.up import preview as run
    from ops.stack import load

    report = progress(quiet=as_json)
    loaded = load(stack, report)
    found = run(cli.find(report), loaded)
    if as_json:
        print_json(found.as_dict())
    else:
        _show(stack, found)


def _show(stack: str, found: Preview) -> None:
    from ops.commands.changes import show
    from ops.output import console

    out = console()
    if not found.changes:
        out.print(f"stack {stack}: no changes")
        return
    several = len({change.cluster for change in found.changes}) > 1
    show(found.changes, several=several)
    summary = ", ".join(f"{count} to {operation}" for operation, count in found.counts.items())
    out.print(f"stack {stack}: {summary}")
