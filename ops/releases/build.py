"""Building and pushing the images of an app under the tag that is released."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.errors import OpsError, RefusedError

if TYPE_CHECKING:
    from local.progress import Progress
    from ops.releases.target import Target


def build(target: Target, progress: Progress) -> None:
    """Build and test `images/<name>`, and push each under the target's tag. Raises RefusedError where it is missing or
    pushed under another name, LocalError where a build or test fails or the tag has other content."""
    from local.images import catalog
    from local.images.push import push

    registry = target.stack.cluster(target.cluster).registry
    names = [image.removeprefix(f"{registry}/").rpartition(":")[0].rpartition("/")[2] for image in target.images]
    known = catalog.load()
    if unknown := [name for name in names if name not in known]:
        raise RefusedError(f"--build: images/ has no {', '.join(unknown)}; build and push it where it comes from")
    pushed = push(names, registry, tag_for=lambda _: target.tag, progress=progress)
    if odd := [f"{name} as {ref}" for name, ref in pushed.items() if ref not in target.images]:
        raise OpsError(
            f"--build pushed {', '.join(odd)}, which is not what {target.app} runs: correct its image setting"
        )
