"""`slipway github`: what workflows say to people."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="For workflows: comment on pull requests, keep reports as issues.", no_args_is_help=True)

Event = Annotated[Path, typer.Option("--event", envvar="GITHUB_EVENT_PATH", help="File of the event `workflow_run`.")]
DifferenceFile = Annotated[
    Path, typer.Argument(help="What `slipway compare --json` wrote; read as data, never believed.")
]
Reports = Annotated[Path, typer.Argument(help="Directory with files <name>.exit-<code>.txt.")]
Key = Annotated[str, typer.Option("--key", help="Which report it is; each has one issue.")]
Title = Annotated[str, typer.Option("--title", help="Title of the issue.")]

PreviewFile = Annotated[Path, typer.Argument(help="What `slipway preview --json` wrote.")]
Approved = Annotated[Path | None, typer.Option("--approved", help="The preview that was approved; must be the same.")]


@app.command("comment")
def comment(difference: DifferenceFile, event: Event) -> None:
    """Write, or renew, the one comment with a pull request's difference."""
    from ops.github.comment import publish, run_of
    from ops.output import console

    console().print(publish(difference, run_of(event)), markup=False)


@app.command("report")
def report(directory: Reports, key: Key, title: Title) -> None:
    """Open, renew or close the one issue of a report."""
    from ops.github.report import publish, sections
    from ops.output import console

    console().print(publish(key, title, sections(directory)), markup=False)


@app.command("preview")
def preview(now: PreviewFile, approved: Approved = None) -> None:
    """Show a preview as Markdown; with --approved, exit code 1 unless it is what was approved."""
    import sys

    from ops.github.approval import check, steps, summary

    found = steps(now)
    sys.stdout.write(summary(found))
    if approved is not None:
        sys.stdout.flush()
        check(steps(approved), found)
