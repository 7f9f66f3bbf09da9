"""`slipway pulumi`."""

import shlex
from typing import Annotated

import typer

from ops.commands.options import DEFAULT_STACK, StackName

Arguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="-- ARGS",
        help="Pulumi's own arguments, for example `stack history`, `config set --path slipway:apps.nginx.replicas 4`.",
    ),
]
Env = Annotated[
    bool,
    typer.Option("--env", help='Print the variables instead, for the plain CLI: eval "$(slipway pulumi --env)".'),
]


def pulumi(arguments: Arguments = None, stack: StackName = DEFAULT_STACK, env: Env = False) -> None:
    """Run Pulumi's own CLI on the stack, in its backend, with everything set; its exit code is this command's."""
    import os
    import subprocess

    from ops.load import load
    from ops.output import progress
    from ops.project import project_dir
    from ops.pulumi import cli
    from ops.pulumi.backend import backend, of_project
    from stacks.stack_file import stack_file

    report = progress(quiet=env)
    arguments = arguments or []
    if arguments[:1] == ["config"]:
        # The project's own file, not the copy that Pulumi works with; it may be wrong, and is put right by this.
        where = of_project(project_dir(), stack)
        arguments = ["config", "--config-file", str(stack_file(project_dir(), stack)), *arguments[1:]]
    else:
        where = backend(load(stack, report))
    found = cli.find(report)
    variables = {**found.environment, **where.environment, "PULUMI_STACK": stack}
    if env:
        for name, value in variables.items():
            typer.echo(f"export {name}={shlex.quote(value)}")
        return
    kept = {name: value for name, value in os.environ.items() if name not in where.drop}
    command = [str(found.path), *arguments]
    done = subprocess.run(command, cwd=where.directory, env={**kept, **variables}, check=False)
    raise typer.Exit(done.returncode)
