"""Where the embedded cluster keeps things.

Three places, each with its own lifetime: the cache (built and downloaded things, safe to delete at any time, survives a
purge), the state (etcd data, containers, keys, logs; survives a reboot, removed by purge) and the run directory
(sockets, pid files, mounts; gone after a reboot).
"""

from __future__ import annotations

import os
from pathlib import Path

STATE = Path("/var/lib/slipway")
RUN = Path("/run/slipway")

PKI = STATE / "pki"
CONFIG = STATE / "config"
LOG = STATE / "log"
KUBECONFIG = STATE / "kubeconfig"


def cache() -> Path:
    """The cache directory: `$SLIPWAY_CACHE`, else `~/.cache/slipway`.

    Read at each call, so that a test can point it elsewhere. The directory need not exist yet.
    """
    override = os.environ.get("SLIPWAY_CACHE", "")
    return Path(override).expanduser().absolute() if override else Path.home() / ".cache" / "slipway"


def tools() -> Path:
    """Built binaries: `tools/<tool>/<version>-<hash>/<binary>` below the cache."""
    return cache() / "tools"


def go_home() -> Path:
    """Go's build cache, module cache and, where the machine has no Go, the toolchain itself."""
    return cache() / "go"


def packages() -> Path:
    """Unpacked Debian packages: `debian/<hash of the package versions>/` below the cache."""
    return cache() / "debian"


def registry_storage() -> Path:
    """The storage of the local image registry; images stay over a purge."""
    return cache() / "registry"


def downloads() -> Path:
    """Files fetched as they are (package archives)."""
    return cache() / "downloads"


def module_dir(module: str) -> Path:
    """The directory of the Go module that builds `module`, in this repository."""
    return Path(__file__).parent / "tools" / module
