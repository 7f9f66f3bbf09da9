"""`slipway rotate`."""

from typing import Annotated

import typer

from ops.commands.options import DEFAULT_STACK, DEFAULT_TIMEOUT, AsJson, StackName, Timeout

What = Annotated[
    list[str] | None,
    typer.Argument(metavar="[WHAT]...", help="Apps, Secrets or credentials, for example cotoami; none: all."),
]


def rotate(
    what: What = None,
    stack: StackName = DEFAULT_STACK,
    timeout: Timeout = DEFAULT_TIMEOUT,
    as_json: AsJson = False,
) -> None:
    """Replace generated passwords and keys by new ones while the apps serve.

    Databases take the old and the new password until every pod has the new one. With a key that signs sessions or
    tokens, those end: people sign in again.
    """
    from ops.load import load
    from ops.output import console, print_json, progress
    from ops.pulumi import cli
    from ops.rotation.flow import rotate as run

    report = progress(quiet=as_json)
    done = run(load(stack, report), cli.find(report), what or [], timeout)
    if as_json:
        found = [
            {
                "credential": c.name,
                "cluster": c.cluster,
                "secret": f"{c.secret.namespace}/{c.secret.name}",
                "key": c.key,
                "apps": list(c.apps),
                "consequence": c.consequence or None,
            }
            for c in done
        ]
        print_json({"stack": stack, "rotated": found})
        return
    for credential in done:
        said = f" ({credential.consequence})" if credential.consequence else ""
        console().print(f"rotated {credential}{said}", markup=False)
