"""The Debian packages in built images, read from their layers in the local registry."""

from __future__ import annotations

import io
import re
import tarfile
from typing import TYPE_CHECKING, Any, cast

import httpx

from ops.errors import OpsError
from ops.sbom.model import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATUS = re.compile(r"(?:\./)?var/lib/dpkg/(?:status|status\.d/[^/]+)")
_ACCEPT = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


def installed(registry: str, release: str = "bookworm") -> list[Part]:
    """Debian packages of every image in a registry on this machine.

    Args:
        registry: Its address, such as `127.0.0.1:5000`.
        release: Debian release of the images, for the package URLs.

    Raises:
        OpsError: The registry does not answer.
    """
    known: dict[str, str | None] = {}
    parts: list[Part] = []
    try:
        with httpx.Client(base_url=f"http://{registry}/v2/", timeout=60, trust_env=False) as client:
            for image in _images(client):
                status: str | None = None
                for digest in _layers(client, image):
                    if digest not in known:
                        known[digest] = _status(client, image.partition(":")[0], digest)
                    # A layer above replaces the whole file.
                    status = known[digest] or status
                parts += [
                    Part("deb", f"debian/{name}", version, (f"image {image}",), qualifiers={"distro": release, **arch})
                    for name, version, arch in _packages(status or "")
                ]
    except httpx.HTTPError as error:
        raise OpsError(
            f"the image registry at {registry} does not answer ({error}); start it with `slipway local up`"
        ) from None
    return parts


def _images(client: httpx.Client) -> Iterator[str]:
    repositories = cast(
        "list[str]", client.get("_catalog", params={"n": 1000}).raise_for_status().json()["repositories"]
    )
    for repository in sorted(repositories):
        answer = client.get(f"{repository}/tags/list")
        # A repository whose images were all deleted stays in the catalogue.
        for tag in sorted(answer.json().get("tags") or []) if answer.is_success else []:
            yield f"{repository}:{tag}"


def _layers(client: httpx.Client, image: str) -> list[str]:
    repository, _, tag = image.partition(":")
    answer = client.get(f"{repository}/manifests/{tag}", headers={"Accept": _ACCEPT})
    if not answer.is_success:
        return []  # an index that somebody else pushed
    return [str(layer["digest"]) for layer in cast("dict[str, Any]", answer.json()).get("layers", [])]


def _status(client: httpx.Client, repository: str, digest: str) -> str | None:
    blob = client.get(f"{repository}/blobs/{digest}").raise_for_status().content
    with tarfile.open(fileobj=io.BytesIO(blob)) as layer:
        files = [layer.extractfile(member) for member in layer if member.isfile() and _STATUS.fullmatch(member.name)]
        found = [file.read().decode("utf-8", "replace") for file in files if file]
    return "\n\n".join(found) or None


def _packages(status: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    for paragraph in re.split(r"\n\s*\n", status):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", paragraph, re.MULTILINE))
        if (
            fields.get("Status", "install ok installed").endswith(" installed")
            and {"Package", "Version"} <= fields.keys()
        ):
            arch = {"arch": fields["Architecture"]} if "Architecture" in fields else {}
            yield fields["Package"], fields["Version"], arch
