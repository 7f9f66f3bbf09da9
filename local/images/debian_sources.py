"""Where the packages of a Debian release come from."""

from __future__ import annotations

import os
import shutil

from local.images.shell import run

MIRROR_VARIABLE = "SLIPWAY_DEBIAN_MIRROR"
_POCKETS = ("", "-updates", "-security")
# https://manpages.debian.org/bookworm/apt/apt-get.8.en.html, indextargets
_TARGETS = ("apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages")


def sources_of(suite: str) -> tuple[str, ...]:
    """The lines of sources.list for a release and its updates.

    Args:
        suite: The release's code name, such as `bookworm`.

    Returns:
        A line per part of the release: from the mirror that `SLIPWAY_DEBIAN_MIRROR` names, else from where this
        machine's apt gets the same release. None at all on another distribution or release: mmdebstrap takes Debian's
        own mirrors then.

    Raises:
        LocalError: apt's sources cannot be read.
    """
    mirror = os.environ.get(MIRROR_VARIABLE, "").rstrip("/")
    if mirror:
        # Debian's mirrors keep the security updates beside the archive.
        places = {suite: mirror, f"{suite}-updates": mirror, f"{suite}-security": f"{mirror}-security"}
    else:
        places = _of_this_machine()
    wanted = [f"{suite}{pocket}" for pocket in _POCKETS]
    return tuple(f"deb {places[release]} {release} main" for release in wanted if suite in places and release in places)


def _of_this_machine() -> dict[str, str]:
    """Release to address, as apt is configured; the first one where there are several."""
    if shutil.which("apt-get") is None:
        return {}
    places: dict[str, str] = {}
    for line in run(_TARGETS, "reading apt's sources").splitlines():
        release, _, place = line.partition(" ")
        places.setdefault(release, place.rstrip("/"))
    return places
