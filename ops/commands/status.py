"""`slipway status`."""

import typer

from ops.commands.options import DEFAULT_STACK, AsJson, StackName


def status(stack: StackName = DEFAULT_STACK, as_json: AsJson = False) -> None:
    """Show the apps, where they answer and how many pods are ready; exit code 0 only when all are."""
    from ops.images import with_origins
    from ops.load import load
    from ops.output import print_apps, print_json, progress
    from ops.pulumi.kubeconfigs import kubectl_of
    from ops.status import all_ready, collect

    loaded = load(stack, progress(quiet=as_json))
    statuses = with_origins(loaded, collect(loaded.rendered, kubectl_of(loaded, loaded.rendered.clusters)))
    if as_json:
        print_json({"apps": [entry.as_dict() for entry in statuses]})
    else:
        print_apps(statuses)
    if not all_ready(statuses):
        raise typer.Exit(1)
