"""`slipway up`."""

from __future__ import annotations

import typer

from ops.commands.options import DEFAULT_STACK, DEFAULT_TIMEOUT, AsJson, EngineWish, StackName, Timeout


def up(
    stack: StackName = DEFAULT_STACK,
    engine: EngineWish = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
    as_json: AsJson = False,
) -> None:
    """Make the stack as its settings say, wait until it is ready, and show where each app answers."""
    from ops.answer import wait_for_answers
    from ops.commands.engine import engine as chosen
    from ops.engines.base import TITLES
    from ops.environments.upkeep import upkeep
    from ops.output import console, print_apps, print_json, progress
    from ops.releases.notes import behind
    from ops.stack import load
    from ops.status import all_ready, collect

    report = progress(quiet=as_json)
    loaded = load(stack, report)
    for line in behind(loaded):
        report.note(line)
    with upkeep(loaded):
        outcome = chosen(engine, report).up(loaded, timeout)
    statuses = collect(loaded.rendered, loaded.clusters())
    wait_for_answers(statuses, report)
    if as_json:
        print_json(
            {"engine": outcome.engine, "changed": outcome.changed, "apps": [entry.as_dict() for entry in statuses]}
        )
    else:
        print_apps(statuses)
        done = "is up" if outcome.changed else "is up, no changes"
        console().print(f"stack {stack} {done} (engine: {TITLES[outcome.engine]})")
    if not all_ready(statuses):
        raise typer.Exit(1)
