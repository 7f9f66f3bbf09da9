"""`slipway images`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.options import DEFAULT_STACK, AsJson, StackName

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.images.catalog import Image

app = typer.Typer(help="The project's container images.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Directories of images/; none: all.")]
Registry = Annotated[
    str | None, typer.Option("--registry", "-r", help="Where to push; without it the registry of the stack's cluster.")
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite a tag that has other content.")]


@app.command()
def build(names: Names = None, as_json: AsJson = False) -> None:
    """Build images with Docker, Podman or Buildah, whichever works here."""
    from local.images.builder import build as run
    from ops.output import console, print_json, progress

    built = run(names or [], progress=progress(quiet=as_json))
    if as_json:
        print_json({n: {"image": b.stored, "content": b.content, "seconds": b.seconds} for n, b in built.items()})
        return
    for name, entry in built.items():
        console().print(f"{name}: {entry.stored}")


@app.command()
def push(
    names: Names = None,
    registry: Registry = None,
    stack: StackName = DEFAULT_STACK,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Build images and push them; own images get the revision that the stack asks for."""
    from local.images.push import push as run
    from ops.errors import OpsError
    from ops.load import load
    from ops.output import console, print_json, progress

    report = progress(quiet=as_json)
    loaded = load(stack, report)
    registries = {cluster.registry for cluster in loaded.rendered.clusters.values()}
    if registry is None and len(registries) != 1:
        raise OpsError(f"stack {stack} has the registries {', '.join(sorted(registries))}: choose one with --registry")
    references = [app.image for app in loaded.rendered.apps]
    tag_for = _tags(references, registries)
    pushed = run(names or [], registry or registries.pop(), tag_for=tag_for, progress=report, force=force)
    if as_json:
        print_json(pushed)
        return
    for name, reference in pushed.items():
        console().print(f"{name}: {reference}")


def _tags(references: list[str], registries: set[str]) -> Callable[[Image], str]:
    """Tag of each image: a public one's own, an own one's as the stack asks for it."""
    from local.images import catalog, content

    wanted: dict[str, str] = {}
    for reference in references:
        repository, _, tag = reference.rpartition(":")
        for registry in registries:
            if repository.startswith(f"{registry}/"):
                wanted[repository.removeprefix(f"{registry}/")] = tag

    def tag_for(image: Image) -> str:
        if image.public is not None:
            return image.public.tag
        return wanted.get(image.name) or content.content_hash(image, catalog.load())[:12]

    return tag_for
