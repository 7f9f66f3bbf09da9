"""`slipway graph`."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from ops.commands.options import DEFAULT_STACK, AsJson, StackName

Out = Annotated[Path | None, typer.Option("--out", "-o", help="File; without it, standard output.")]
PlanFile = Annotated[Path | None, typer.Option("--plan", help="Draw this plan.json instead of rendering the stack.")]
Svg = Annotated[bool, typer.Option("--svg", help="An SVG picture, which Graphviz draws, instead of Mermaid text.")]


def graph(
    stack: StackName = DEFAULT_STACK,
    svg: Svg = False,
    out: Out = None,
    plan: PlanFile = None,
    as_json: AsJson = False,
) -> None:
    """Draw a stack from its plan: clouds, clusters, namespaces, workloads and who may connect to whom."""
    import json
    import sys
    from dataclasses import asdict

    from ops.errors import OpsError
    from ops.graph.picture import picture
    from ops.graph.write import to_mermaid, to_svg
    from ops.output import print_json

    if plan is not None:
        try:
            content: Any = json.loads(plan.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise OpsError(f"{plan} cannot be read as a plan: {error}") from None
        if not isinstance(content, dict) or "resources" not in content or "stack" not in content:
            raise OpsError(f"{plan} is no plan that `slipway render` writes")
    else:
        from ops.project import project_dir
        from ops.render.program import render

        content = render(stack, project_dir()).plan
    drawn = picture(cast("dict[str, Any]", content))
    if as_json:
        edges = [{"from": source, "to": target, "label": label} for (source, target), label in drawn.edges.items()]
        print_json({"stack": content["stack"], "nodes": [asdict(node) for node in drawn.nodes], "edges": edges})
    if as_json and out is None:
        return
    text = to_svg(drawn) if svg or (out is not None and out.suffix == ".svg") else to_mermaid(drawn)
    if out is None:
        sys.stdout.write(text)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
