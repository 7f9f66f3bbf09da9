"""`slipway down`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.options import DEFAULT_STACK, DEFAULT_TIMEOUT, AsJson, RemoveDurable, StackName, Timeout, Yes, ask

if TYPE_CHECKING:
    from ops.stack import Stack

ByLabel = Annotated[
    bool,
    typer.Option(
        "--by-label", help="Where Pulumi's state is lost: remove what carries the stack's label from its clusters."
    ),
]


def down(
    stack: StackName = DEFAULT_STACK,
    timeout: Timeout = DEFAULT_TIMEOUT,
    yes_remove_durable: RemoveDurable = None,
    by_label: ByLabel = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove everything that the stack made, in order, and prove that nothing is left."""
    from ops.environments.files import forget
    from ops.load import load
    from ops.output import console, print_json, progress
    from ops.pulumi import cli
    from ops.pulumi import down as removal
    from ops.pulumi.protection import in_plan, on_clusters

    report = progress(quiet=as_json)
    loaded = load(stack, report)
    ask(f"Remove everything that stack {stack} made, its data included?", yes=yes or yes_remove_durable == stack)
    if by_label:
        _refuse_durable(loaded, sorted({*in_plan(loaded), *on_clusters(loaded)}), yes_remove_durable)
        outcome = removal.down_by_label(loaded, timeout)
    else:
        pulumi = cli.find(report)
        _refuse_durable(loaded, removal.protected(pulumi, loaded), yes_remove_durable)
        outcome = removal.down(pulumi, loaded, timeout)
    if loaded.is_environment and not outcome.kept:
        forget(loaded.directory, stack)
    for said in (*(f"kept, because it is protected: {name}" for name in outcome.kept), *outcome.unasked):
        report.note(said)
    if as_json:
        print_json({"changed": outcome.changed, "kept": list(outcome.kept), "unasked": list(outcome.unasked)})
    elif outcome.kept:
        console().print(f"stack {stack} is gone, but for {len(outcome.kept)} protected resources of a cloud")
    elif outcome.changed:
        console().print(f"stack {stack} is gone, nothing is left")
    else:
        console().print(f"stack {stack}: nothing to remove")


def _refuse_durable(stack: Stack, protected: list[str], named: str | None) -> None:
    """What is there counts as well: a change of the settings alone does not make it removable."""
    from ops.errors import RefusedError

    found = protected or (["the whole stack: slipway:lifecycle is durable"] if stack.durable else [])
    if found and named != stack.name:
        listed = "\n".join(f"  {said}" for said in found)
        raise RefusedError(
            f"stack {stack.name} is not removed by mistake; nothing was changed. Protected:\n{listed}\nto remove it "
            f"and its data for good: slipway down --stack {stack.name} --yes-remove-durable {stack.name}"
        )
