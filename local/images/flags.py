"""What the engines' command lines have in common."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def is_loopback(host: str) -> bool:
    """Whether a registry's `host:port` is this machine, where plain HTTP is right."""
    return host.partition(":")[0] in {"localhost", "127.0.0.1"}


def build_flags(tags: Sequence[str], arguments: Mapping[str, str], labels: Mapping[str, str]) -> list[str]:
    """Tags, arguments and labels of a build, and this machine's certificate authorities as a build secret.

    A network that inspects TLS has its own authority there, which npm and Maven in a build have to know; the secret is
    mounted for single RUN steps and is no part of the image. `$SSL_CERT_FILE` names another file than Debian's.
    """
    flags = [flag for tag in tags for flag in ("--tag", tag)]
    flags += [flag for key, value in sorted(arguments.items()) for flag in ("--build-arg", f"{key}={value}")]
    flags += [flag for key, value in sorted(labels.items()) for flag in ("--label", f"{key}={value}")]
    certificates = Path(os.environ.get("SSL_CERT_FILE") or _CERTIFICATES)
    if certificates.is_file():
        flags += ["--secret", f"id=certificates,src={certificates}"]
    return flags
