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
    from ops.errors import RefusedError
    from ops.kube import labels_of
    from ops.live import LIFECYCLE_LABEL, selector
    from ops.output import console, print_json, progress
    from ops.stack import load

    report = progress(quiet=as_json)
    loaded = load(stack, report)
    # What is on the clusters counts as well: a change of the settings alone does not make it removable.
    there = [ns for kubectl in loaded.reachable().values() for ns in kubectl.get(["namespaces", "-l", selector(stack)])]
    durable = loaded.durable or any(labels_of(ns).get(LIFECYCLE_LABEL) == "durable" for ns in there)
    if durable and yes_remove_durable != stack:
        raise RefusedError(
            f"stack {stack} is durable (slipway:lifecycle), so it and its data are not removed by mistake; to remove "
            f"both for good: slipway down --stack {stack} --yes-remove-durable {stack}"
        )
    outcome = chosen(engine, report).down(loaded, timeout)
    if as_json:
        print_json({"engine": outcome.engine, "changed": outcome.changed})
    elif outcome.changed:
        console().print(f"stack {stack} is gone, nothing is left (engine: {TITLES[outcome.engine]})")
    else:
        console().print(f"stack {stack}: nothing to remove")
