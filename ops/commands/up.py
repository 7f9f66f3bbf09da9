"""`slipway up`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ops.commands.options import DEFAULT_STACK, DEFAULT_TIMEOUT, AsJson, EngineWish, StackName, Timeout

if TYPE_CHECKING:
    from ops.stack import Stack
    from ops.status import AppStatus


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
    from ops.stack import load
    from ops.status import all_ready

    report = progress(quiet=as_json)
    loaded = load(stack, report)
    with upkeep(loaded):
        outcome = chosen(engine, report).up(loaded, timeout)
    statuses = _shown(loaded) if outcome.apps is None else outcome.apps
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


def _shown(stack: Stack) -> list[AppStatus]:
    """The apps of the clusters that can be asked from here.

    A cluster of a cloud may answer other networks only, or want a program for its token that is not installed here;
    what it runs was waited for by Pulumi's provider.
    """
    from ops.access import LOCAL_KINDS
    from ops.errors import OpsError
    from ops.status import collect

    found: list[AppStatus] = []
    for name, cluster in stack.rendered.clusters.items():
        try:
            found += collect(stack.rendered, {name: stack.kubectl(name)}, name)
        except OpsError as error:
            if cluster.kind in LOCAL_KINDS:
                raise
            stack.progress.note(f"what runs on cluster {name} cannot be shown from here: {error}")
    order = {app.name: place for place, app in enumerate(stack.rendered.apps)}
    return sorted(found, key=lambda app: order[app.name])
