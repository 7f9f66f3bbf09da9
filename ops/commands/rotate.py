"""`slipway rotate`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.commands.options import DEFAULT_STACK, DEFAULT_TIMEOUT, AsJson, EngineWish, StackName, Timeout

What = Annotated[
    list[str] | None,
    typer.Argument(metavar="[WHAT]...", help="Apps, Secrets or credentials, for example cotoami; none: all."),
]


def rotate(
    what: What = None,
    stack: StackName = DEFAULT_STACK,
    engine: EngineWish = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
    as_json: AsJson = False,
) -> None:
    """Replace generated passwords and keys by new ones while the apps serve.

    Databases take the old and the new password until every pod has the new one. With a key that signs sessions or
    tokens, those end: people sign in again.
    """
    from ops.engines.base import TITLES
    from ops.engines.choice import choose
    from ops.output import console, print_json, progress
    from ops.rotation.flow import rotate as run
    from ops.rotation.store import HelmStore, PulumiStore
    from ops.stack import load

    report = progress(quiet=as_json)
    loaded = load(stack, report)
    choice = choose(engine, report)
    report.note(f"engine: {TITLES[choice.engine]} ({choice.reason})")
    store = PulumiStore(choice.cli) if choice.engine == "pulumi" and choice.cli is not None else HelmStore()
    done = run(loaded, store, what or [], timeout)
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
        print_json({"stack": stack, "engine": store.name, "rotated": found})
        return
    for credential in done:
        said = f" ({credential.consequence})" if credential.consequence else ""
        console().print(f"rotated {credential}{said}", markup=False)
