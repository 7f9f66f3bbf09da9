"""A look at this machine: what the commands use and whether it is there."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from local import paths, toolchain

if TYPE_CHECKING:
    from collections.abc import Callable

Level = Literal["ok", "note", "missing"]
_FREE_BYTES = 8 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and what would be right; `note` is what works, but is worth knowing."""

    what: str
    level: Level
    text: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def examine() -> list[Finding]:
    """Look at everything; changes nothing and asks no network."""
    looks: list[Callable[[], Finding]] = [_python, _space, _pulumi, _tools, _builder, _embedded]
    return [look() for look in looks]


def _python() -> Finding:
    return Finding("Python", "ok", f"{sys.version.split()[0]} ({sys.executable})")


def _space() -> Finding:
    directory = paths.cache()
    while not directory.exists():
        directory = directory.parent
    free = shutil.disk_usage(directory).free
    text = f"{free / 1024**3:.1f} GiB free at {directory}"
    built = toolchain.cached("kube-apiserver") is not None
    if free < _FREE_BYTES and not built:
        return Finding("space", "missing", f"{text}; building the programs takes {_FREE_BYTES // 1024**3} GiB")
    return Finding("space", "ok", text)


def _pulumi() -> Finding:
    found = shutil.which("pulumi") or (toolchain.cached("pulumi") and "built from pinned source")
    return Finding("Pulumi's CLI", "ok" if found else "note", str(found or "downloaded or built when needed"))


def _tools() -> Finding:
    if toolchain.cached("kubectl") is not None:
        return Finding("kubectl", "ok", "in the cache")
    return Finding("kubectl", "note", f"downloaded or built when needed; on PATH: {shutil.which('kubectl') or 'none'}")


def _builder() -> Finding:
    found = [name for name in ("docker", "podman", "buildah") if shutil.which(name)]
    text = f"on PATH: {', '.join(found)}" if found else "none on PATH; Buildah is fetched when an image has to be built"
    return Finding("image builder", "ok" if found else "note", text)


def _embedded() -> Finding:
    if os.environ.get("KUBE_CONTEXT"):
        return Finding("cluster", "ok", f"KUBE_CONTEXT={os.environ['KUBE_CONTEXT']}")
    if sys.platform != "linux" or os.geteuid() != 0:
        why = "needs Linux" if sys.platform != "linux" else "needs root"
        remedy = "set KUBE_CONTEXT to a context of your kubeconfig"
        return Finding("cluster", "missing", f"the embedded cluster {why}; {remedy}")
    there = Path(paths.KUBECONFIG).is_file()
    return Finding("cluster", "ok", "embedded" if there else "embedded; not started yet (slipway local up)")
