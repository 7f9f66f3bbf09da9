"""`slipway preview`."""

from ops.commands.options import DEFAULT_STACK, AsJson, StackName


def preview(stack: StackName = DEFAULT_STACK, as_json: AsJson = False) -> None:
    """Show what `up` would change; exit code 0 whether or not there are changes."""
    from ops.commands.changes import show
    from ops.load import load
    from ops.output import console, print_json, progress
    from ops.pulumi import cli
    from ops.pulumi.up import preview as run

    report = progress(quiet=as_json)
    loaded = load(stack, report)
    found = run(cli.find(report), loaded)
    if as_json:
        print_json(found.as_dict())
        return
    show(found.changes, several=len({change.cluster for change in found.changes}) > 1)
    counts = ", ".join(f"{count} to {operation}" for operation, count in found.counts.items())
    console().print(f"stack {stack}: {counts or 'no changes'}")
