"""`slipway refresh`."""

from ops.commands.options import DEFAULT_STACK, AsJson, StackName


def refresh(stack: StackName = DEFAULT_STACK, as_json: AsJson = False) -> None:
    """Write into Pulumi's state what is really there; nothing that runs is changed."""
    from ops.load import load
    from ops.output import console, print_json, progress
    from ops.pulumi import cli
    from ops.pulumi.drift import refresh as run

    report = progress(quiet=as_json)
    outcome = run(cli.find(report), load(stack, report))
    if as_json:
        print_json({"changed": outcome.changed})
    else:
        said = "the state says now what is there" if outcome.changed else "nothing to write down"
        console().print(f"stack {stack}: {said}")
