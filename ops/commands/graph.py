"""`slipway graph`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from ops.commands.options import DEFAULT_STACK, AsJson, StackName

Format = Annotated[str | None, typer.Option("--format", "-f", help="svg or mermaid; by default what --out ends with.")]
Level = Annotated[str, typer.Option("--level", help="workloads: a box for each; systems: a box for each namespace.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="File; without it, standard output.")]
PlanFile = Annotated[Path | None, typer.Option("--plan", help="Draw this plan.json instead of rendering the stack.")]

FORMATS = ("mermaid", "svg")
_ENDINGS = {".svg": "svg", ".mmd": "mermaid", ".md": "mermaid"}


def graph(
    stack: StackName = DEFAULT_STACK,
    wish: Format = None,
    level: Level = "workloads",
    out: Out = None,
    plan: PlanFile = None,
    as_json: AsJson = False,
) -> None:
    """Draw a stack from its plan: clouds, clusters, namespaces, workloads and who may connect to whom."""
    import json
    import sys

    from ops.errors import OpsError
    from ops.graph import LEVELS, picture, to_mermaid, to_svg
    from ops.output import print_json

    kind = wish or _ENDINGS.get(out.suffix if out else "", "mermaid")
    for option, value, known in (("--format", kind, FORMATS), ("--level", level, LEVELS)):
        if value not in known:
            raise OpsError(f"{option} is {value!r}; it must be one of: {', '.join(known)}")
    if plan is not None:
        try:
            content: Any = json.loads(plan.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise OpsError(f"{plan} cannot be read as a plan: {error}") from None
        if not isinstance(content, dict) or "resources" not in content or "stack" not in content:
            raise OpsError(f"{plan} is no plan that `slipway render` writes")
    else:
        from ops.project import project_dir
        from ops.render import render

        content = render(stack, project_dir()).plan
    drawn = picture(cast("dict[str, Any]", content), level)
    text = to_svg(drawn) if kind == "svg" else to_mermaid(drawn)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    if as_json:
        nodes = [
            {"key": n.key, "title": n.title, "kind": n.kind, "entries": list(n.entries)}
            for n in drawn.root.everything()
        ]
        edges = [{"from": edge.source, "to": edge.target, "label": edge.label} for edge in drawn.edges]
        print_json({"stack": content["stack"], "nodes": nodes, "edges": edges, "file": str(out) if out else None})
    elif out is None:
        sys.stdout.write(text)
