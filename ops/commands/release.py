"""`slipway release`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.commands.options import DEFAULT_STACK, DEFAULT_TIMEOUT, App, AsJson, StackName, Timeout

ImageTag = Annotated[
    str, typer.Option("--image-tag", help="Tag of its image: the commit's SHA or a version, never one that moves.")
]
Build = Annotated[bool, typer.Option("--build", help="Build images/<name> under that tag and push it first.")]


def release(
    app: App,
    image_tag: ImageTag,
    stack: StackName = DEFAULT_STACK,
    build: Build = False,
    timeout: Timeout = DEFAULT_TIMEOUT,
    as_json: AsJson = False,
) -> None:
    """Release one app by its image's tag: roll it out, prove it, and go back by itself if it cannot be proven."""
    from ops.releases.command import run

    run("release", app, image_tag, stack, timeout=timeout, as_json=as_json, build=build)
