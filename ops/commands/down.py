"""`slipway down`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.commands.options import DEFAULT_STACK, DEFAULT_TIMEOUT, AsJson, EngineWish, StackName, Timeout

RemoveDurable = Annotated[
    str | None,
    typer.Option("--yes-remove-durable", metavar="STACK", help="Name of the stack, to remove one that is durable."),
]


def down(
    stack: StackName = DEFAULT_STACK,
    engine: EngineWish = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
    yes_remove_durable: RemoveDurable = None,
    as_json: AsJson = False,
) -> None:
    """Remove everything that the stack made, in order, and prove that nothing is left."""
    from ops.commands.engine import engine as chosen
    from ops.engines.base import TITLES
    from ops.environments.upkeep import gone
    from ops.errors import RefusedError
    from ops.output import console, print_json, progress
    from ops.stack import load

    report = progress(quiet=as_json)
    loaded = load(stack, report)
    made_by = chosen(engine, report)
    # What is there counts as well: a change of the settings alone does not make it removable.
    protected = made_by.protected(loaded) or (
        ["the whole stack: slipway:lifecycle is durable"] if loaded.durable else []
    )
    if protected and yes_remove_durable != stack:
        listed = "\n".join(f"  {said}" for said in protected)
        raise RefusedError(
            f"stack {stack} is not removed by mistake; nothing was changed. Protected:\n{listed}\nto remove it and its "
            f"data for good: slipway down --stack {stack} --yes-remove-durable {stack}"
        )
    outcome = made_by.down(loaded, timeout)
    gone(loaded)
    for said in (*(f"kept, because it is protected: {name}" for name in outcome.kept), *outcome.unasked):
        report.note(said)
    if as_json:
        kept, unasked = list(outcome.kept), list(outcome.unasked)
        print_json({"engine": outcome.engine, "changed": outcome.changed, "kept": kept, "unasked": unasked})
    elif outcome.kept:
        console().print(f"stack {stack} is gone, but for {len(outcome.kept)} protected resources of a cloud")
    elif outcome.changed:
        console().print(f"stack {stack} is gone, nothing is left (engine: {TITLES[outcome.engine]})")
    else:
        console().print(f"stack {stack}: nothing to remove")
