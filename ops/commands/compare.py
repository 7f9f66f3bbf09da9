"""`slipway compare`."""

from pathlib import Path
from typing import Annotated

import typer

from ops.commands.options import AsJson

Base = Annotated[str, typer.Argument(help="What to compare with: a directory of renders or a git revision.")]
Head = Annotated[str, typer.Argument(help="What to compare: the same, or . for the working tree.")]
Stacks = Annotated[list[str] | None, typer.Option("--stack", "-s", help="Only this stack; may be given several times.")]
Allow = Annotated[bool, typer.Option("--allow-stateful", help="Lose what is stateful without an exit code.")]
Number = Annotated[int | None, typer.Option("--pull-request", min=1, help="Number, kept in the JSON.")]
Out = Annotated[Path | None, typer.Option("--markdown", help="Also write the Markdown to this file.")]


def compare(
    base: Base,
    head: Head = ".",
    stack: Stacks = None,
    allow_stateful: Allow = False,
    pull_request: Number = None,
    markdown: Out = None,
    as_json: AsJson = False,
) -> None:
    """Show, as Markdown, what a change of the program does to each stack; exit code 1 if something stateful is lost."""
    import sys

    from ops.compare.compare import compare as run
    from ops.compare.markdown import comment
    from ops.compare.sources import read_side
    from ops.errors import OpsError
    from ops.output import progress
    from ops.project import project_dir

    project, wanted, report = project_dir(), stack or [], progress(quiet=as_json)
    with report.step(f"rendering {base}"):
        old = read_side(base, project, wanted)
    with report.step(f"rendering {head}"):
        new = read_side(head, project, wanted)
    if missing := [name for name in wanted if name not in old.stacks and name not in new.stacks]:
        known = ", ".join(sorted({*old.stacks, *new.stacks})) or "none"
        raise OpsError(f"neither side has the stack {', '.join(missing)}; there is: {known}")
    found = run(old, new, pull_request=pull_request, allowed=allow_stateful)
    text = comment(found)
    if markdown:
        markdown.write_text(text, encoding="utf-8")
    sys.stdout.write(found.model_dump_json(indent=2) + "\n" if as_json else text)
    if found.blocked:
        sys.stdout.flush()
        raise OpsError("; ".join(found.blocked[:5]) + ("; …" if len(found.blocked) > 5 else ""))
