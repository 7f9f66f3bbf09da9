"""The images of a release: asked for in the registry, or built and pushed."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from local import toolchain
from local.errors import LocalError
from local.images.flags import is_loopback
from local.images.reference import Reference
from local.images.shell import run
from ops.errors import OpsError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.progress import Progress
    from ops.releases.target import Target

_TIMEOUT_S = 60
_MISSING = re.compile(r"MANIFEST_UNKNOWN|NAME_UNKNOWN|404 Not Found|NotFound", re.IGNORECASE)
_REFUSED = re.compile(r"UNAUTHORIZED|DENIED|401|403|credential", re.IGNORECASE)
_SILENT = re.compile(r"connection refused|no such host|timeout|no route to host|EOF", re.IGNORECASE)


def require(images: Sequence[str], progress: Progress) -> dict[str, str]:
    """The digests (`sha256:…`, by reference) of images, by crane, which knows the credential helpers of Docker's
    settings. Raises RefusedError where one is missing, OpsError where a registry does not let us look."""
    crane = str(toolchain.tool("crane", progress))
    with ThreadPoolExecutor(max_workers=len(images)) as pool:
        asked = {image: pool.submit(_digest, crane, image) for image in images}
    found = {image: answer.result() for image, answer in asked.items()}
    missing = [image for image, there in found.items() if there is None]
    if missing:
        raise RefusedError(
            f"the registry has no {', '.join(missing)}; nothing was changed. Push it first, or build it from "
            "images/ by --build"
        )
    return {image: there for image, there in found.items() if there is not None}


def _digest(crane: str, image: str) -> str | None:
    """What a tag stands for; None where the registry has no such tag."""
    reference = Reference.parse(image)
    local = is_loopback(reference.host)
    command = [crane, "digest", *(["--insecure"] if local else []), str(reference)]
    try:
        return run(command, f"asking {reference.host} for {reference}", timeout=_TIMEOUT_S).strip()
    except LocalError as error:
        said = str(error)
    if _MISSING.search(said):
        return None
    if local and _SILENT.search(said):
        raise OpsError(
            f"the image registry at {reference.host} does not answer, so nobody can tell whether it has {reference}; "
            "start it with `slipway local up`, or name another in the cluster's `registry` setting"
        )
    hint = f"; sign in to it (docker login {reference.host}, or its cloud's credential helper)"
    raise OpsError(said + (hint if _REFUSED.search(said) else ""))


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
