"""`slipway refresh`."""

from __future__ import annotations

from ops.commands.options import DEFAULT_STACK, AsJson, EngineWish, StackName


def refresh(stack: StackName = DEFAULT_STACK, engine: EngineWish = None, as_json: AsJson = False) -> None:
    """Write into the engine's state what is really there; nothing that runs is changed."""
    from ops.commands.engine import engine as chosen
    from ops.engines.base import TITLES
    from ops.output import console, print_json, progress
    from ops.stack import load

    report = progress(quiet=as_json)
    outcome = chosen(engine, report).refresh(load(stack, report))
    if as_json:
        print_json({"engine": outcome.engine, "changed": outcome.changed})
    elif outcome.changed:
        console().print(f"stack {stack}: the state says now what is there (engine: {TITLES[outcome.engine]})")
    else:
        why = "" if outcome.engine == "pulumi" else "; it asks the cluster each time and keeps no copy"
        console().print(f"stack {stack}: nothing to write down (engine: {TITLES[outcome.engine]}{why})")
