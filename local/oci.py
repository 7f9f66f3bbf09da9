"""Write small container images without a container engine, and push them to the local registry.

An image here is one layer with a few files (a static program, a certificate bundle) and a configuration. The formats
are those of the OCI image and distribution specifications, version 1.1.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
CONTENT_LABEL = "slipway.dev/content"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class File:
    """A file of an image: `source` on this machine, or `content`; a symbolic link if `link` is set."""

    source: Path | None = None
    content: bytes = b""
    mode: int = 0o755
    link: str | None = None


@dataclass(frozen=True)
class Image:
    """What an image holds and how it starts.

    `files` by absolute path; `content` identifies the whole input, so that an image already pushed is recognised
    without reading the files.
    """

    files: Mapping[str, File]
    content: str
    entrypoint: tuple[str, ...] = ()
    user: str = "65532:65532"
    environment: Mapping[str, str] = field(default_factory=lambda: {"PATH": "/usr/bin:/bin"})
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


def layer(image: Image) -> bytes:
    """The image's one layer: a tar archive, the same bytes for the same files, all owned by root."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        # With an entry for the root itself: without one its mode would be the unpacking process's choice.
        for directory in sorted({str(parent) for path in image.files for parent in Path(path).parents}):
            archive.addfile(_entry(directory, tarfile.DIRTYPE, 0o755))
        for name, file in sorted(image.files.items()):
            if file.link is not None:
                entry = _entry(name, tarfile.SYMTYPE, 0o777)
                entry.linkname = file.link
                archive.addfile(entry)
                continue
            content = file.source.read_bytes() if file.source else file.content
            entry = _entry(name, tarfile.REGTYPE, file.mode)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def documents(image: Image, layer_bytes: bytes) -> tuple[bytes, bytes]:
    """The image's configuration and manifest, as the bytes to push."""
    labels = {**image.labels, CONTENT_LABEL: image.content}
    config = _json(
        {
            "architecture": architecture(),
            "os": "linux",
            "config": {
                "User": image.user,
                "Env": [f"{name}={value}" for name, value in sorted(image.environment.items())],
                "Entrypoint": list(image.entrypoint),
                "WorkingDir": "/",
                "Labels": labels,
            },
            "rootfs": {"type": "layers", "diff_ids": [digest(layer_bytes)]},
            "history": [{"created_by": "slipway"}],
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, config),
            "layers": [_descriptor(_LAYER, layer_bytes)],
            "annotations": labels,
        }
    )
    return config, manifest


@dataclass(frozen=True)
class Pushed:
    """What a registry holds under a tag after a push: the manifest's digest, and whether the push changed it."""

    digest: str
    new: bool


def push(image: Image, registry: str, repository: str, tag: str) -> Pushed:
    """Push `image` as `<registry>/<repository>:<tag>` unless that tag has this content already.

    Args:
        registry: host and port of a registry that speaks plain HTTP, on loopback.
        repository: the path in the registry, without the name's own host (`coredns/coredns`).

    Raises:
        LocalError: the registry refused or does not answer.
    """
    base = f"http://{registry}/v2/{repository}"
    try:
        with client_of(60) as client:
            present = client.get(f"{base}/manifests/{tag}", headers={"Accept": _MANIFEST})
            if present.status_code == 200 and _content(present) == image.content:
                return Pushed(digest(present.content), new=False)
            layer_bytes = layer(image)
            config, manifest = documents(image, layer_bytes)
            for blob in (layer_bytes, config):
                _upload(client, base, blob)
            response = client.put(f"{base}/manifests/{tag}", content=manifest, headers={"Content-Type": _MANIFEST})
            _check(response, f"pushing {repository}:{tag}")
            return Pushed(digest(manifest), new=True)
    except httpx.HTTPError as error:
        raise LocalError(f"the local registry at {registry} does not take {repository}:{tag}: {error}") from None


def client_of(timeout: float) -> httpx.Client:
    """A client, with a timeout in seconds, for a registry on loopback that speaks plain HTTP: one that could check
    certificates would load the authorities first, 40 ms of each question."""
    return httpx.Client(timeout=timeout, trust_env=False, verify=False)  # noqa: S501 - there is no TLS


def _content(manifest: httpx.Response) -> str | None:
    """What an image of ours was made from, None for another's."""
    content = manifest.json().get("annotations", {}).get(CONTENT_LABEL)
    return content if isinstance(content, str) else None


def digest(content: bytes) -> str:
    """The content's digest as OCI writes it: `sha256:<hex>`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def architecture() -> str:
    """This machine's architecture as OCI names it."""
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, machine)


def _upload(client: httpx.Client, base: str, blob: bytes) -> None:
    name = digest(blob)
    if client.head(f"{base}/blobs/{name}").status_code == 200:
        return
    started = client.post(f"{base}/blobs/uploads/")
    _check(started, "starting an upload")
    location = httpx.URL(base).join(started.headers["Location"]).copy_merge_params({"digest": name})
    done = client.put(location, content=blob, headers={"Content-Type": "application/octet-stream"})
    _check(done, "uploading")


def _check(response: httpx.Response, what: str) -> None:
    if response.is_error or response.is_redirect:
        hint = " (is the disk full?)" if response.status_code >= 500 else ""
        raise LocalError(
            f"{what} failed: the local registry answers {response.status_code}{hint}: {response.text[:300]}"
        )


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(f".{name}" if name != "/" else ".")
    entry.type, entry.mode = kind, mode
    return entry
