"""`slipway config`."""

from __future__ import annotations

import typer

from ops.commands.options import DEFAULT_STACK, StackName

app = typer.Typer(help="Check the settings of a stack.", no_args_is_help=True, add_completion=False)


@app.command("check")
def check(stack: StackName = DEFAULT_STACK) -> None:
    """Check Pulumi.<stack>.yaml and name everything that is wrong; reads nothing else and changes nothing."""
    from ops.output import console
    from ops.project import project_dir
    from ops.settings import settings_of
    from stacks.stack_file import read_stack_config

    config = read_stack_config(project_dir(), stack)
    clusters = ", ".join(f"{name} ({c.kind})" for name, c in sorted(settings_of(config).clusters.items()))
    console().print(f"{config.source}: nothing is wrong; clusters: {clusters}")
