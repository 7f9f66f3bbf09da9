"""What the benchmark ran on: the machine and the versions."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from local import toolchain

_PACKAGES = ("pulumi", "pulumi-kubernetes", "pulumi-gcp", "pulumi-aws")
_TOOLS = ("kubectl", "pulumi", "etcd", "kwok")


def load() -> float:
    """Processes that wanted to run, per core, over the last minute."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)


def facts() -> dict[str, Any]:
    """Machine and versions, as they stand over the results."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory": f"{_memory_gib():.0f} GiB",
        "system": f"{_distribution()}, Linux {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in _PACKAGES},
        **{name: toolchain.version(name) for name in _TOOLS if name in toolchain.names()},
        "load": f"{load():.1f} per core when the run began",
        "commit": _commit(),
    }


def _processor() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"


def _commit() -> str:
    done = subprocess.run(
        ["git", "-C", str(Path(__file__).resolve().parent), "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"
