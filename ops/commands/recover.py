"""`slipway recover`."""

from typing import Annotated

import typer

from ops.commands.options import DEFAULT_STACK, AsJson, StackName

Force = Annotated[
    bool, typer.Option("--force", help="Take the locks away even from a run that is alive. Make sure that it is not.")
]


def recover(stack: StackName = DEFAULT_STACK, force: Force = False, as_json: AsJson = False) -> None:
    """Clear away what a run that died left: the lock and pending operations. `up` does so by itself."""
    from ops.load import load
    from ops.output import console, print_json, progress
    from ops.pulumi import cli
    from ops.pulumi.drift import recover as run

    report = progress(quiet=as_json)
    found = run(cli.find(report), load(stack, report), force=force)
    if as_json:
        print_json({"stack": stack, **found.as_dict()})
        return
    for said in found.done:
        console().print(said, markup=False)
    for said in found.left:
        console().print(f"left: {said}", markup=False)
    if not found.done and not found.left:
        console().print(f"stack {stack}: nothing to recover")
