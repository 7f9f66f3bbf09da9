"""`slipway release`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.options import DEFAULT_STACK, DEFAULT_TIMEOUT, App, AsJson, StackName, Timeout

if TYPE_CHECKING:
    from ops.releases.history import Kind

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
    run("release", app, image_tag, stack, timeout, as_json=as_json, build=build)


def run(
    kind: Kind, app: str, tag: str | None, stack: str, timeout: float, *, as_json: bool, build: bool = False
) -> None:
    """Release or go back, and print what came of it; EngineError where it was not proven."""
    from ops.errors import EngineError
    from ops.output import console, print_json, progress
    from ops.project import project_dir
    from ops.pulumi import cli
    from ops.releases.flow import Release
    from ops.releases.tags import check_tag
    from ops.releases.target import find

    if tag is not None:
        check_tag(tag)
    report = progress(quiet=as_json)
    found = find(project_dir(), stack, app, report)
    done = Release(found, cli.find(report), kind, tag, timeout).run(build=build)
    before, after = done.entry.before, done.entry.after
    if as_json:
        print_json({**done.as_dict(), "stack": stack})
    if done.failed:
        raise EngineError(done.failed)
    if not as_json:
        said = f"{app} runs {after} (before: {before}) on stack {stack}, proven after {done.entry.seconds:.1f} s"
        said = said if done.changed else f"{app} runs {after} on stack {stack} already, nothing to do"
        written = f"; {done.file}: {found.path} = {found.value_for(after)}" if done.file else ""
        console().print(said + written, markup=False)
