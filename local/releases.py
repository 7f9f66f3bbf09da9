"""Where the projects publish their built programs, and the sums of these.

Asked only for what stands here: a program without an entry is built. Placeholders: `version` (`v1.36.3`), `plain`
(`1.36.3`), `arch` (Go's word: `amd64`, `arm64`), `machine` (the kernel's: `x86_64`, `arm64`) and `name`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Release:
    """A published program.

    `url` is the program itself or, with `member`, a tar archive in which it lies under that path; `sums` is a file with
    the SHA-256 sum of what `url` names: alone, or in lines as `sha256sum` writes them.
    """

    url: str
    sums: str
    member: str | None = None

    def of(self, values: Mapping[str, str]) -> Release:
        """The release with its placeholders filled in."""
        member = self.member.format(**values) if self.member else None
        return replace(self, url=self.url.format(**values), sums=self.sums.format(**values), member=member)


def are_wanted() -> bool:
    """Whether anything may be downloaded."""
    return os.environ.get("SLIPWAY_DOWNLOADS") != "off"


_GITHUB = "https://github.com/{}/releases/download/{{version}}/"


def _github(project: str, archive: str, sums: str, member: str = "{name}") -> Release:
    base = _GITHUB.format(project)
    return Release(base + archive, base + sums, member)


RELEASES: Mapping[str, Release] = {
    # https://kubernetes.io/releases/download/#binaries
    "kubernetes": Release(
        "https://dl.k8s.io/release/{version}/bin/linux/{arch}/{name}",
        "https://dl.k8s.io/release/{version}/bin/linux/{arch}/{name}.sha256",
    ),
    "etcd": _github(
        "etcd-io/etcd", "etcd-{version}-linux-{arch}.tar.gz", "SHA256SUMS", "etcd-{version}-linux-{arch}/etcd"
    ),
    "coredns": _github(
        "coredns/coredns", "coredns_{plain}_linux_{arch}.tgz", "coredns_{plain}_linux_{arch}.tgz.sha256"
    ),
    "crane": _github("google/go-containerregistry", "go-containerregistry_Linux_{machine}.tar.gz", "checksums.txt"),
    "traefik": _github("traefik/traefik", "traefik_{version}_linux_{arch}.tar.gz", "traefik_{version}_checksums.txt"),
    "kubeconform": _github("yannh/kubeconform", "kubeconform-linux-{arch}.tar.gz", "CHECKSUMS"),
    "kube-score": _github("zegl/kube-score", "kube-score_{plain}_linux_{arch}.tar.gz", "checksums.txt"),
    "actionlint": _github(
        "rhysd/actionlint", "actionlint_{plain}_linux_{arch}.tar.gz", "actionlint_{plain}_checksums.txt"
    ),
}
"""By the module below `local/tools/` that builds the same programs; its go.mod has the version of both."""
