"""Container image references: taking them apart and finding the name a registry mirror is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from local.errors import LocalError

DOCKER_HUB = "docker.io"

# The grammar of the distribution project (reference.go), in the part that images in manifests use.
_REFERENCE = re.compile(
    r"(?P<name>[a-zA-Z0-9.:_/-]+?)(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?", re.ASCII
)
_REPOSITORY = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")


@dataclass(frozen=True)
class Reference:
    """A complete image reference; `str()` gives it back with everything spelled out."""

    host: str
    repository: str
    tag: str
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference as Docker does: no host means docker.io, one path element there means `library/`.

        Raises:
            LocalError: the text is not an image reference.
        """
        match = _REFERENCE.fullmatch(text)
        if match is None:
            raise LocalError(f"{text!r} is not an image reference; a right one is docker.io/library/nginx:1.29.3")
        name, tag, digest = match["name"], match["tag"] or "", match["digest"] or ""
        first, slash, rest = name.partition("/")
        if slash and ("." in first or ":" in first or first == "localhost"):
            host, repository = first, rest
        else:
            host, repository = DOCKER_HUB, name
        if host in {"index.docker.io", "registry-1.docker.io"}:
            host = DOCKER_HUB
        if host == DOCKER_HUB and "/" not in repository:
            repository = f"library/{repository}"
        if not _REPOSITORY.fullmatch(repository):
            raise LocalError(
                f"{text!r} is not an image reference: {repository!r} is not a repository name (lower case)"
            )
        if not tag and not digest:
            tag = "latest"
        return cls(host, repository, tag, digest)

    @property
    def name(self) -> str:
        """Host and repository, without tag and digest."""
        return f"{self.host}/{self.repository}"

    def at(self, registry: str) -> Reference:
        """The reference under which a mirror at `registry` (host:port) is asked for this image by containerd."""
        return Reference(registry, self.repository, self.tag, self.digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"


def loopback(reference: Reference) -> Reference:
    """The same reference with localhost as 127.0.0.1: the registry does not listen on IPv6."""
    name, colon, port = reference.host.partition(":")
    if name != "localhost":
        return reference
    return Reference(f"127.0.0.1{colon}{port}", reference.repository, reference.tag, reference.digest)


def same_registry(one: str, other: str) -> bool:
    """Whether two hosts are one registry, by whichever name of this machine."""
    return one.replace("localhost", "127.0.0.1") == other.replace("localhost", "127.0.0.1")
