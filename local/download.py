"""Published programs instead of builds, where their publishers can be reached: whole and with the right sum, or not.

`SLIPWAY_DOWNLOADS` is `off` to build everything, or the URL of a mirror, which is asked for `<mirror>/<host>/<path>`.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import signal
import sys
import tarfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from subprocess import TimeoutExpired
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from local.children import StoppedError
from local.errors import LocalError
from local.releases import RELEASES, are_wanted

if TYPE_CHECKING:
    from collections.abc import Generator

    from local.children import Children
    from local.modules import Module
    from local.progress import Progress
    from local.releases import Release

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_MOST_SUMS = 1024 * 1024
_SUM = re.compile(r"[0-9a-f]{64}")


class Downloads:
    """What one run of builds asks for. A host that did not answer once is not asked again."""

    def __init__(
        self, children: Children, progress: Progress, slowest: int = 256 * 1024, patience_s: float = 20
    ) -> None:
        """`slowest`: bytes a second, of all that is fetched at once, below which a build is quicker; looked at when
        `patience_s` seconds are over."""
        self._children = children
        self._progress = progress
        self._slowest = slowest
        self._patience_s = patience_s
        self._silent: set[str] = set()
        self._asking = threading.Lock()
        self._fetching = 0
        self._counting = threading.Lock()

    def get(self, module: Module, name: str, scratch: Path) -> bool:
        """Put the program `name` into `scratch`; False, and a note with the reason, where it has to be built."""
        release = _release(module, name)
        if release is None:
            return False
        host = urlsplit(release.url).netloc
        try:
            wanted = self._sum(release, host, scratch / f"{name}.sums")
            if wanted is None:
                return False
            with self._progress.step(f"download {name} {module.version}"):
                fetched = scratch / f"{name}.download"
                self._fetch(release.url, fetched)
                _verify(fetched, wanted)
                _unpack(fetched, release.member, scratch / name)
        except (StoppedError, _FullError):
            raise
        except LocalError as error:
            self._progress.note(f"{name} {module.version} is built: {release.url} {error}")
            return False
        return True

    def _sum(self, release: Release, host: str, path: Path) -> str | None:
        """The published sum. None where the host is known not to answer."""
        with self._asking:  # one at a time: the first that waits in vain spares the others the waiting
            if host in self._silent:
                return None
            try:
                self._fetch(release.sums, path)
            except _SilentError:
                self._silent.add(host)
                raise
        if path.stat().st_size > _MOST_SUMS:
            raise LocalError("has no file of sums beside it")
        return _sum_in(path.read_text(encoding="utf-8", errors="replace"), release.url.rpartition("/")[2])

    def _fetch(self, url: str, path: Path) -> None:
        command = [sys.executable, str(Path(__file__).with_name("fetch.py")), _mirrored(url), str(path)]
        begun = time.monotonic()
        with self._counted(), self._children.started(command) as process:
            while True:
                try:
                    words, _ = process.communicate(timeout=1)
                    break
                except TimeoutExpired:
                    passed = time.monotonic() - begun
                    size = path.stat().st_size if path.exists() else 0
                    if passed > self._patience_s and size < self._slowest * passed / self._fetching:
                        raise _SilentError(f"sent {size} bytes in {passed:.0f} s") from None
        if process.returncode in (-signal.SIGINT, -signal.SIGTERM):
            raise StoppedError("given up")
        if process.returncode == 3:
            raise _FullError(f"{path} cannot be written: {words.strip()}")
        if process.returncode == 1:
            raise LocalError(words.strip())
        if process.returncode != 0:
            raise _SilentError(words.strip())

    @contextmanager
    def _counted(self) -> Generator[None]:
        with self._counting:
            self._fetching += 1
        try:
            yield
        finally:
            with self._counting:
                self._fetching -= 1


class _FullError(LocalError):
    """What was fetched cannot be kept; a build needs more room still."""


class _SilentError(LocalError):
    """Nobody answers, or too slowly."""


def _release(module: Module, name: str) -> Release | None:
    release = RELEASES.get(module.name)
    arch = _ARCHITECTURES.get(platform.machine())
    if release is None or arch is None or not are_wanted():
        return None
    machine = "x86_64" if arch == "amd64" else arch
    plain = module.version.removeprefix("v")
    return release.of({"version": module.version, "plain": plain, "arch": arch, "machine": machine, "name": name})


def _mirrored(url: str) -> str:
    mirror = os.environ.get("SLIPWAY_DOWNLOADS", "")
    return f"{mirror.rstrip('/')}/{url.partition('://')[2]}" if mirror else url


def _sum_in(text: str, file: str) -> str:
    """The sum of `file`, or the only one, in what a publisher calls its sums.

    Raises:
        LocalError: it is none of both, for example a page that asks to sign in.
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    found = [line[0] for line in lines if len(line) == 2 and line[1].removeprefix("*").rpartition("/")[2] == file]
    if not found and len(lines) == 1 and len(lines[0]) == 1:
        found = lines[0]
    if len(found) != 1 or not _SUM.fullmatch(found[0].lower()):
        raise LocalError("has no sum where one is published")
    return found[0].lower()


def _verify(fetched: Path, wanted: str) -> None:
    with fetched.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != wanted:
        raise LocalError(f"has the SHA-256 sum {found} instead of {wanted}")


def _unpack(fetched: Path, member: str | None, program: Path) -> None:
    """Make the program of what was fetched, ready to run."""
    if member is None:
        fetched.replace(program)
    else:
        try:
            with tarfile.open(fetched) as archive:
                entry = next((e for e in archive if e.isfile() and e.name.removeprefix("./") == member), None)
                content = archive.extractfile(entry) if entry else None
                if content is None:
                    raise LocalError(f"does not contain {member}")
                with content, program.open("wb") as file:
                    shutil.copyfileobj(content, file)
        except (tarfile.TarError, EOFError) as error:
            raise LocalError(f"is no archive that can be read: {error}") from None
    program.chmod(0o755)
