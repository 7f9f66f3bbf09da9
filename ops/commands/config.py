"""`slipway config`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.commands.options import DEFAULT_STACK, AsJson, StackName

app = typer.Typer(help="Read and change the settings of a stack.", no_args_is_help=True, add_completion=False)

KeyPath = Annotated[str, typer.Argument(metavar="PATH", help="For example apps.h2o-example.revision.")]
Value = Annotated[str, typer.Argument(metavar="VALUE", help="A text, a number, or YAML for a list or a mapping.")]


@app.command("set")
def set_value(path: KeyPath, value: Value, stack: StackName = DEFAULT_STACK) -> None:
    """Change a setting in Pulumi.<stack>.yaml; a change that would make the file wrong is refused."""
    from ops.output import console
    from ops.project import project_dir
    from ops.settings_file import SettingsFile

    file = SettingsFile(project_dir(), stack)
    before = file.get(path)
    file.set(path, value)
    changed = file.save()
    console().print(f"{file.name}: {path} = {file.shown(path)}" + ("" if changed else f" (unchanged, was {before})"))


@app.command("unset")
def unset_value(path: KeyPath, stack: StackName = DEFAULT_STACK) -> None:
    """Take a setting out of Pulumi.<stack>.yaml, so that its default counts."""
    from ops.output import console
    from ops.project import project_dir
    from ops.settings_file import SettingsFile

    file = SettingsFile(project_dir(), stack)
    file.unset(path)
    file.save()
    console().print(f"{file.name}: {path} is not set any more")


@app.command("get")
def get_value(path: KeyPath, stack: StackName = DEFAULT_STACK, as_json: AsJson = False) -> None:
    """Print a setting as it stands in Pulumi.<stack>.yaml."""
    from ops.errors import OpsError
    from ops.output import console, print_json
    from ops.project import project_dir
    from ops.settings_file import SettingsFile

    file = SettingsFile(project_dir(), stack)
    value = file.get(path)
    if value is None:
        raise OpsError(f"{file.name} does not set {path}")
    if as_json:
        print_json(value)
    else:
        console().print(file.shown(path), markup=False)


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
    import os

    from ops.output import console
    from ops.project import project_dir
    from stacks.settings import parse
    from stacks.stack_file import read_stack_config

    config = read_stack_config(project_dir(), stack)
    context = os.environ.get("KUBE_CONTEXT") or None
    settings = parse(config.values, project=config.project, source=config.source, kube_context=context)
    clusters = ", ".join(f"{name} ({cluster.kind})" for name, cluster in sorted(settings.clusters.items()))
    console().print(f"{config.source}: nothing is wrong; clusters: {clusters}")
