"""What an image is made from, as one hash: the same on every machine for the same sources."""

from __future__ import annotations

import hashlib
import stat
from typing import TYPE_CHECKING

from components import versions
from local import toolchain
from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.images.catalog import Image

LABEL = "slipway.dev/content"
STAND_IN_LABEL = "slipway.dev/stand-in"

# image.toml describes the image to us; what of it matters to the content is hashed by itself.
_IGNORED_NAMES = {"__pycache__", ".DS_Store", "image.toml"}


def files(directory: Path) -> Iterator[Path]:
    """The files of a build context, sorted, without what interpreters leave behind."""
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not _IGNORED_NAMES & set(path.relative_to(directory).parts):
            yield path


def _lines(label: str, directory: Path) -> Iterator[str]:
    if not directory.is_dir():
        raise LocalError(f"{directory} is missing: it is part of what an image is built from")
    for path in files(directory):
        executable = bool(path.stat().st_mode & stat.S_IXUSR)
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        yield f"{label}/{path.relative_to(directory).as_posix()}\0{executable}\0{content}"


def content_hash(image: Image, images: dict[str, Image]) -> str:
    """Hash (64 hex digits) of the build context, the Go modules of its tools, and its base.

    The Debian base counts by its name: what its packages were on the day of the build does not change the hash, so that
    two machines agree on what an image is.
    """
    lines = [f"platform={image.platform}"]
    if image.base == "debian":
        lines.append(f"base={versions.IMAGES['debian']}")
    elif image.base != "scratch":
        lines.append(f"base={content_hash(images[image.base], images)}")
    lines += _lines("context", image.directory)
    for shared in image.shared:
        lines += _lines(shared, image.directory.parent / shared)
    if image.go is not None:
        lines.append(image.go.inputs())
    # The home's name is version and hash of the module's files and flags.
    lines += [f"bin/{tool}={toolchain.module_of(tool).home.name}" for tool in image.tools]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
