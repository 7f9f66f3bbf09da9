"""kubectl, which the commands run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from local import paths, toolchain
from ops.errors import OpsError

if TYPE_CHECKING:
    from local.progress import Progress

_VARIABLE = "SLIPWAY_KUBECTL"
# Server-side dry runs of several objects in one call.
_MINIMUM = (1, 31)
_VERSION = re.compile(r"v(\d+)\.(\d+)")


def environment() -> dict[str, str]:
    """Environment of kubectl: what it keeps goes to the cache, not to the home directory."""
    return {**os.environ, "KUBECACHEDIR": str(paths.cache() / "kubectl")}


def kubectl(progress: Progress | None = None) -> Path:
    """The program: `$SLIPWAY_KUBECTL` (OpsError if it names none); then the pinned one if it is built already, then one
    on PATH that is new enough, and else the pinned one is built (LocalError if that fails)."""
    override = os.environ.get(_VARIABLE, "")
    if override:
        found = shutil.which(override)
        if found is None:
            raise OpsError(f"{_VARIABLE} = {override}: there is no such program; unset it or name one that exists")
        return Path(found)
    built = toolchain.cached("kubectl")
    there = shutil.which("kubectl")
    if built is None and there is not None and _new_enough(there):
        return Path(there)
    return built or toolchain.tool("kubectl", progress)


def _new_enough(program: str) -> bool:
    try:
        done = subprocess.run([program, "version", "--client"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    version = _VERSION.search(done.stdout)
    return version is not None and (int(version[1]), int(version[2])) >= _MINIMUM
