"""Options that several commands share."""

import os
import sys
from typing import Annotated

import typer

StackName = Annotated[str, typer.Option("--stack", "-s", help="Name of the stack: its file is Pulumi.<stack>.yaml.")]
App = Annotated[str, typer.Argument(metavar="APP", help="Name of the app in the stack file, for example h2o-example.")]
MaybeApp = Annotated[str | None, typer.Argument(metavar="[APP]", help="Name of one app; none: all.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else on standard output.")]
Timeout = Annotated[float, typer.Option("--timeout", min=1, help="Seconds to wait until everything is ready or gone.")]
RemoveDurable = Annotated[
    str | None,
    typer.Option(
        "--yes-remove-durable", metavar="STACK", help="Name of the stack, to lose data of one that is durable."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask on a terminal.")]

DEFAULT_STACK = "dev"
DEFAULT_TIMEOUT = 600.0


def ask(question: str, *, yes: bool) -> None:
    """Go on only if a person agrees. Nobody is asked without a terminal, or where CI is set; no exit code is 0 after a
    no."""
    if yes or os.environ.get("CI") or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort as ended:
        if isinstance(ended.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        agreed = False
    if not agreed:
        sys.stderr.write("nothing was changed\n")
        raise typer.Exit(1)
