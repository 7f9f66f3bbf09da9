"""`slipway bootstrap`."""

from typing import Annotated

import typer

from ops.commands.options import AsJson

StackName = Annotated[str, typer.Option("--stack", "-s", help="Name of the stack whose state gets a bucket.")]
Registries = Annotated[
    bool, typer.Option(help="Make the registries, too, so that images can be pushed before the first up.")
]
From = Annotated[
    str | None, typer.Option("--from", help="URL of the backend that has the stack's state now; none: a first run.")
]


def bootstrap(
    stack: StackName = "prod", registries: Registries = True, source: From = None, as_json: AsJson = False
) -> None:
    """Make the bucket of a stack's state and move the state there; can be run again."""
    from dataclasses import asdict

    from ops.bootstrap.flow import bootstrap as run
    from ops.bootstrap.plan import make_plan
    from ops.output import console, print_json, progress
    from ops.project import project_dir

    directory = project_dir()
    plan = make_plan(directory, stack, registries=registries)
    done = run(directory, plan, progress(quiet=as_json), source)
    if as_json:
        print_json(asdict(done))
        return
    console().print(f"state of {stack}: {done.backend}")
    console().print(f"secrets: {done.secrets_provider}")
    console().print("")
    console().print("Next:")
    console().print(f"  export PULUMI_BACKEND_URL='{done.backend}'")
    console().print(f"  pulumi up -s {stack}")
