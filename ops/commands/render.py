"""`slipway render`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.commands.options import DEFAULT_STACK, AsJson, StackName

Out = Annotated[Path, typer.Option("--out", "-o", help="Directory; plan.json and charts/ in it are replaced.")]


def render(out: Out, stack: StackName = DEFAULT_STACK, as_json: AsJson = False) -> None:
    """Write plan.json (every resource, secrets masked) and one installable Helm chart per cluster."""
    from ops.output import console, print_json
    from ops.project import project_dir
    from ops.render import render as run
    from ops.render import write

    rendered = run(stack, project_dir())
    write(rendered, out)
    charts = {name: str(out / "charts" / name) for name in rendered.manifests}
    if as_json:
        print_json(
            {"stack": stack, "plan": str(out / "plan.json"), "charts": charts, "unresolved": rendered.unresolved}
        )
        return
    console().print(f"{out / 'plan.json'}: {len(rendered.plan['resources'])} resources")
    for name, chart in charts.items():
        count = sum(len(items) for items in rendered.manifests[name].values())
        console().print(f"{chart}: {count} objects of cluster {name}")
        if missing := rendered.unresolved.get(name):
            console().print(f"  only a cloud can answer: {', '.join(missing)}")
