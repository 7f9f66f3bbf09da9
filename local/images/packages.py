"""Debian packages unpacked into the cache: the build programs, without installing anything on the machine."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from local import paths
from local.errors import LocalError
from local.images.shell import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.progress import Progress


def unpack(names: Sequence[str], progress: Progress) -> Path:
    """Directory (a root: `usr/bin/…`) with these packages, and the libraries that the machine lacks, unpacked once.

    Raises:
        LocalError: the machine has no apt, or apt cannot fetch a package.
    """
    key = hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:12]
    home = paths.cache() / "images" / f"programs-{key}"
    if home.is_dir():
        return home
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise LocalError(
            "building images needs Docker, Podman or Buildah, and this machine has none that works; "
            "slipway can fetch Buildah itself on Debian and Ubuntu only"
        )
    home.parent.mkdir(parents=True, exist_ok=True)
    what = f"fetching the Debian packages {', '.join(names)}"
    with progress.step("fetch image build programs"), tempfile.TemporaryDirectory(dir=home.parent) as temporary:
        directory = Path(temporary)
        debs = directory / "debs"
        debs.mkdir()
        _fetch(names, what, debs)
        root = directory / "root"
        root.mkdir()
        for deb in sorted(debs.glob("*.deb")):
            run(["dpkg-deb", "-x", str(deb), str(root)], what)
        root.rename(home)
    return home


def _fetch(names: Sequence[str], what: str, into: Path) -> None:
    """Download packages; once more after `apt-get update` when apt's lists are missing or out of date."""
    try:
        _download(names, what, into)
    except LocalError:
        if os.geteuid() != 0:
            raise
        run(["apt-get", "update", "-q"], "updating apt's package lists")
        _download(names, what, into)


def _download(names: Sequence[str], what: str, into: Path) -> None:
    # apt's own solver says what the machine lacks besides; nothing is installed.
    simulated = run(["apt-get", "install", "--simulate", "-q", "--no-install-recommends", *names], what)
    wanted = {*names, *re.findall(r"^Inst (\S+)", simulated, re.MULTILINE)}
    # As root apt would drop to the user _apt for the download, who may not enter our cache.
    download = ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", *sorted(wanted)]
    run(["env", "-C", str(into), *download], what)


def libraries(root: Path) -> list[Path]:
    """The directories of the unpacked packages' shared libraries."""
    return sorted(path for base in ("usr/lib", "lib") for path in (root / base).glob("*-linux-gnu"))
