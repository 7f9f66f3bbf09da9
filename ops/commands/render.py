"""`slipway render`."""

from pathlib import Path
from typing import Annotated

import typer

from ops.commands.options import DEFAULT_STACK, AsJson, StackName

Out = Annotated[Path, typer.Option("--out", "-o", help="Directory; plan.json and manifests/ in it are replaced.")]


def render(out: Out, stack: StackName = DEFAULT_STACK, as_json: AsJson = False) -> None:
    """Write plan.json (every resource, secrets masked) and the manifests, a file for each namespace of each cluster."""
    from ops.output import console, print_json
    from ops.project import project_dir
    from ops.render.files import MANIFESTS, write
    from ops.render.program import render as run

    rendered = run(stack, project_dir())
    write(rendered, out)
    manifests = {name: str(out / MANIFESTS / name) for name in rendered.manifests}
    if as_json:
        print_json(
            {"stack": stack, "plan": str(out / "plan.json"), "manifests": manifests, "unresolved": rendered.unresolved}
        )
        return
    console().print(f"{out / 'plan.json'}: {len(rendered.plan['resources'])} resources")
    for name, directory in manifests.items():
        count = sum(len(items) for items in rendered.manifests[name].values())
        console().print(f"{directory}: {count} objects of cluster {name}")
        if missing := rendered.unresolved.get(name):
            console().print(f"  only a cloud can answer: {', '.join(missing)}")
