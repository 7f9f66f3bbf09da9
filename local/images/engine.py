"""The programs that can build an image: Docker, Podman or Buildah, whichever really works on this machine."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Protocol

from local.errors import LocalError
from local.images import buildah
from local.images.flags import build_flags, is_loopback
from local.images.shell import run, works

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from local.images.reference import Reference
    from local.progress import Progress

NAMES = ("docker", "podman", "buildah")


class Engine(Protocol):
    """What building and pushing need of an engine. References are plain strings, complete with host and tag."""

    name: str

    def has(self, reference: str) -> bool:
        """Whether the engine's own store has the image."""
        ...

    def pull(self, reference: str) -> None:
        """Fetch the image from its public registry."""
        ...

    def import_root(self, archive: Path, reference: str) -> None:
        """Make an image of one layer from the tar archive of a root file system."""
        ...

    def build(
        self, context: Path, tags: Sequence[str], arguments: Mapping[str, str], labels: Mapping[str, str], platform: str
    ) -> None:
        """Build `context/Dockerfile`."""
        ...

    def tag(self, source: str, target: str) -> None:
        """Give an image a further name in the store."""
        ...

    def push(self, source: str, destination: Reference) -> None:
        """Push an image of the store."""
        ...


class DockerEngine:
    """Docker with BuildKit: the Dockerfiles use `RUN --mount`."""

    name = "docker"

    def has(self, reference: str) -> bool:
        return works(["docker", "image", "inspect", reference])

    def pull(self, reference: str) -> None:
        run(["docker", "pull", "--quiet", reference], f"pulling {reference}")

    def import_root(self, archive: Path, reference: str) -> None:
        run(["docker", "import", str(archive), reference], f"importing {reference}")

    def build(
        self, context: Path, tags: Sequence[str], arguments: Mapping[str, str], labels: Mapping[str, str], platform: str
    ) -> None:
        command = ["docker", "build", "--quiet", "--platform", platform, *build_flags(tags, arguments, labels)]
        # An attestation would turn the image into an index, whose labels a registry does not show.
        environment = {"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
        run([*command, str(context)], f"building image {tags[0]}", environment)

    def tag(self, source: str, target: str) -> None:
        run(["docker", "tag", source, target], f"tagging {target}")

    def push(self, source: str, destination: Reference) -> None:
        self.tag(source, str(destination))
        run(["docker", "push", "--quiet", str(destination)], f"pushing {destination}")


class PodmanEngine:
    """Podman; its builds run in a chroot, which also works where no container can be started."""

    name = "podman"

    def has(self, reference: str) -> bool:
        return works(["podman", "image", "exists", reference])

    def pull(self, reference: str) -> None:
        run(["podman", "pull", "--quiet", reference], f"pulling {reference}")

    def import_root(self, archive: Path, reference: str) -> None:
        run(["podman", "import", "--quiet", str(archive), reference], f"importing {reference}")

    def build(
        self, context: Path, tags: Sequence[str], arguments: Mapping[str, str], labels: Mapping[str, str], platform: str
    ) -> None:
        command = ["podman", "build", "--quiet", "--isolation", "chroot", "--pull=never", "--platform", platform]
        run([*command, *build_flags(tags, arguments, labels), str(context)], f"building image {tags[0]}")

    def tag(self, source: str, target: str) -> None:
        run(["podman", "tag", source, target], f"tagging {target}")

    def push(self, source: str, destination: Reference) -> None:
        plain = ["--tls-verify=false"] if is_loopback(destination.host) else []
        run(["podman", "push", "--quiet", *plain, source, f"docker://{destination}"], f"pushing {destination}")


def _has_buildkit() -> bool:
    """Docker 23 and later build with the buildx plugin; 20.10 has BuildKit in itself."""
    if works(["docker", "buildx", "version"]):
        return True
    version = run(["docker", "version", "--format", "{{.Client.Version}}"], "asking for Docker's version")
    major = version.partition(".")[0].strip()
    return major.isdigit() and 20 <= int(major) < 23


def find(progress: Progress) -> Engine:
    """The first engine that works: `$SLIPWAY_BUILDER` if set, else Docker, Podman, Buildah.

    Where none is installed, root on Debian or Ubuntu gets Buildah unpacked into the cache. A Docker client without an
    engine behind it does not count.

    Raises:
        LocalError: none works, or the one that `$SLIPWAY_BUILDER` names does not.
    """
    wanted = os.environ.get("SLIPWAY_BUILDER", "")
    if wanted and wanted not in NAMES:
        raise LocalError(f"SLIPWAY_BUILDER={wanted!r}: there are {', '.join(NAMES)}")
    if wanted in {"", "docker"} and shutil.which("docker") and works(["docker", "info"]):
        if _has_buildkit():
            return DockerEngine()
        progress.note("Docker is here without BuildKit (docker buildx), which the Dockerfiles need: looking further")
    if wanted in {"", "podman"} and shutil.which("podman") and works(["podman", "info"]):
        return PodmanEngine()
    if wanted in {"", "buildah"}:
        return buildah.find(progress)
    raise LocalError(f"SLIPWAY_BUILDER={wanted} does not work on this machine: `{wanted} info` fails")
