"""Whether a tag is in a registry, and what it stands for there."""

from __future__ import annotations

import http.client
import re
from typing import TYPE_CHECKING

from local.images.flags import is_loopback
from local.images.reference import Reference
from ops.errors import OpsError, RefusedError

if TYPE_CHECKING:
    from local.progress import Progress

_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_TIMEOUT_S = 10
_MISSING = re.compile(r"MANIFEST_UNKNOWN|NAME_UNKNOWN|404 Not Found|NotFound", re.IGNORECASE)
_REFUSED = re.compile(r"UNAUTHORIZED|DENIED|401|403|credential", re.IGNORECASE)


def digest(text: str, progress: Progress) -> str | None:
    """Ask a registry what a tag stands for.

    A registry on this machine is asked directly; any other through crane, which knows the credential helpers of
    `~/.docker/config.json`, those of ECR and Artifact Registry among them.

    Args:
        text: Image reference with a tag.
        progress: Told when crane has to be built.

    Returns:
        The digest, `sha256:…`; None where the registry has no such tag.

    Raises:
        OpsError: The registry does not answer, or does not let us look.
    """
    reference = Reference.parse(text)
    return _ask(reference) if is_loopback(reference.host) else _crane(reference, progress)


def require(images: list[str], progress: Progress) -> dict[str, str]:
    """The digests of images that have to be there.

    Args:
        images: Image references with a tag.
        progress: Told when crane has to be built.

    Returns:
        Reference to digest.

    Raises:
        RefusedError: One is not in its registry.
        OpsError: A registry does not answer.
    """
    found = {image: digest(image, progress) for image in images}
    missing = [image for image, there in found.items() if there is None]
    if missing:
        raise RefusedError(
            f"the registry has no {', '.join(missing)}; nothing was changed. Push it first, or build it from "
            "images/ by --build"
        )
    return {image: there for image, there in found.items() if there is not None}


def _ask(reference: Reference) -> str | None:
    host = reference.host.replace("localhost", "127.0.0.1")
    connection = http.client.HTTPConnection(host, timeout=_TIMEOUT_S)
    try:
        connection.request(
            "HEAD", f"/v2/{reference.repository}/manifests/{reference.tag}", headers={"Accept": _MANIFESTS}
        )
        answer = connection.getresponse()
        status, found = answer.status, answer.getheader("Docker-Content-Digest")
    except (OSError, http.client.HTTPException) as error:
        raise OpsError(
            f"the image registry at {reference.host} does not answer ({error}), so nobody can tell whether it has "
            f"{reference}; start it with `slipway local up`, or name another in the cluster's `registry` setting"
        ) from None
    finally:
        connection.close()
    if status == http.client.NOT_FOUND:
        return None
    if status != http.client.OK or not found:
        raise OpsError(f"the image registry at {reference.host} answers {status} for {reference}")
    return found


def _crane(reference: Reference, progress: Progress) -> str | None:
    from local import toolchain
    from local.errors import LocalError
    from local.images.shell import run

    crane = toolchain.tool("crane", progress)
    try:
        return run(
            [str(crane), "digest", str(reference)], f"asking {reference.host} for {reference}", timeout=60
        ).strip()
    except LocalError as error:
        if _MISSING.search(str(error)):
            return None
        hint = (
            f"; sign in to it (docker login {reference.host}, or its cloud's credential helper)"
            if _REFUSED.search(str(error))
            else ""
        )
        raise OpsError(f"{error}{hint}") from None
