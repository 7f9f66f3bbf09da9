"""`slipway rollback`."""

from typing import Annotated

import typer

from ops.commands.options import DEFAULT_STACK, DEFAULT_TIMEOUT, App, AsJson, StackName, Timeout
from ops.commands.release import run

To = Annotated[str | None, typer.Option("--to", metavar="TAG", help="Which tag; without it the one that ran before.")]


def rollback(
    app: App,
    stack: StackName = DEFAULT_STACK,
    to: To = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
    as_json: AsJson = False,
) -> None:
    """Go back to the tag of an app that ran before, as its history has it; proven like a release."""
    run("rollback", app, to, stack, timeout, as_json=as_json)
