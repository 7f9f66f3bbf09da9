"""`slipway config`."""

from typing import Annotated

import typer

from ops.commands.options import DEFAULT_STACK, StackName

KeyPath = Annotated[str, typer.Argument(help="Key path, such as apps.nginx.replicas.")]

app = typer.Typer(help="Check the settings of a stack.", no_args_is_help=True)


@app.command("explain")
def explain(path: KeyPath) -> None:
    """Tell what a setting is: type, default, an example; for a mapping all that it holds."""
    from ops.errors import OpsError
    from ops.output import console
    from stacks.settings import reference

    wanted = path.partition(":")[2] if ":" in path else path
    found = reference.find(wanted)
    if not found:
        raise OpsError(
            f"{wanted} is no setting; there is: {', '.join(reference.similar(wanted)) or 'docs/settings.md'}"
        )
    for entry in found:
        kind = f" (kind: {entry.kind})" if entry.kind else ""
        default = "required" if entry.default is None else f"default: {entry.default}"
        lines = (entry.about, f"{entry.type}; {default}", f"{entry.path.split('.')[-1]}: {entry.example}")
        console().print(f"{entry.path}{kind}", *lines, sep="\n    ", markup=False)


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
