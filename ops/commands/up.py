"""`slipway up`."""

import typer

from ops.commands.options import DEFAULT_STACK, DEFAULT_TIMEOUT, AsJson, RemoveDurable, StackName, Timeout, Yes, ask


def up(
    stack: StackName = DEFAULT_STACK,
    timeout: Timeout = DEFAULT_TIMEOUT,
    yes_remove_durable: RemoveDurable = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Make the stack as its settings say, wait until it is ready, and show where each app answers."""
    from ops.answer import wait_for_answers
    from ops.load import load
    from ops.output import console, print_apps, print_json, progress
    from ops.pulumi import cli
    from ops.pulumi.up import up as run
    from ops.status import all_ready

    report = progress(quiet=as_json)
    loaded = load(stack, report)
    ask(f"Make stack {stack} as its settings say? `slipway preview` shows what would change", yes=yes)
    pulumi = cli.find(report)
    outcome = run(pulumi, loaded, timeout, yes_remove_durable=yes_remove_durable)
    wait_for_answers(outcome.apps, report)
    if as_json:
        apps = [entry.as_dict() for entry in outcome.apps]
        print_json({"pulumi": pulumi.version, "changed": outcome.changed, "apps": apps})
    else:
        print_apps(outcome.apps)
        done = "is up" if outcome.changed else "is up, no changes"
        console().print(f"stack {stack} {done} (Pulumi {pulumi.version})")
    if not all_ready(outcome.apps):
        raise typer.Exit(1)
