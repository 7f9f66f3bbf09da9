"""The Debian base image on a machine that cannot pull it: its root file system made from Debian's packages."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components import versions
from local import paths
from local.errors import LocalError
from local.images.debian_sources import sources_of
from local.images.packages import unpack
from local.images.reference import Reference
from local.images.shell import run

if TYPE_CHECKING:
    from local.images import registry
    from local.images.engine import Engine
    from local.progress import Progress

# The same omissions as the slim variants of the official image; licences stay.
_DPKG_OPTIONS = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/lintian/*",
)


def reference() -> str:
    """The pinned reference of the Debian base."""
    return str(Reference.parse(versions.IMAGES["debian"]))


def ensure(engine: Engine, probes: registry.PublicProbes, progress: Progress) -> str:
    """Put the Debian base into the engine's store: pulled where its registry answers, else made here.

    Returns the reference to build on: the public one, or the name of the one made here.

    Raises:
        LocalError: neither is possible.
    """
    wanted = reference()
    if engine.has(wanted):
        return wanted
    recipe = _recipe()
    made = f"localhost/slipway/debian:{recipe.suite}-{recipe.key}"
    if engine.has(made):
        return made
    if probes.look(Reference.parse(wanted)).found:
        with progress.step(f"pull {wanted}"):
            engine.pull(wanted)
        return wanted
    archive = _root_archive(recipe, progress)
    with progress.step("import the base image"):
        engine.import_root(archive, made)
    return made


@dataclass(frozen=True)
class _Recipe:
    """How the base is made: mmdebstrap's options, Debian's sources, and a key over both."""

    suite: str
    sources: tuple[str, ...]
    options: tuple[str, ...]

    @property
    def key(self) -> str:
        return hashlib.sha256("\n".join([*self.sources, *self.options]).encode()).hexdigest()[:12]


def _recipe() -> _Recipe:
    suite = Reference.parse(reference()).tag.split("-")[0]
    if not suite.isalpha():
        raise LocalError(
            f"the pin of debian must begin with a suite's name, such as bookworm-slim; it is {reference()}"
        )
    sources = sources_of(suite)
    options = (
        "--mode=root",
        "--variant=minbase",
        "--components=main",
        *(f"--dpkgopt={option}" for option in _DPKG_OPTIONS),
        # mmdebstrap copies these two from the machine it runs on.
        '--customize-hook=rm -f "$1/etc/resolv.conf" "$1/etc/hostname"',
        # As in the official image: a package's installation starts no service.
        '--customize-hook=printf "#!/bin/sh\\nexit 101\\n" > "$1/usr/sbin/policy-rc.d"',
        '--customize-hook=chmod 755 "$1/usr/sbin/policy-rc.d"',
    )
    return _Recipe(suite, sources, options)


def _root_archive(recipe: _Recipe, progress: Progress) -> Path:
    """The tar archive of the base's root file system, made once per recipe and kept in the cache.

    Raises:
        LocalError: not root, or Debian's mirror cannot be reached.
    """
    archive = paths.cache() / "images" / f"base-{recipe.suite}-{recipe.key}.tar"
    if archive.is_file():
        return archive
    if os.geteuid() != 0:
        raise LocalError(f"making the base image {reference()} needs root, because its registry cannot be reached")
    programs = unpack(("mmdebstrap", "debian-archive-keyring"), progress)
    keyring = programs / "usr" / "share" / "keyrings" / "debian-archive-keyring.gpg"
    program = shutil.which("mmdebstrap") or str(programs / "usr" / "bin" / "mmdebstrap")
    archive.parent.mkdir(parents=True, exist_ok=True)
    with (
        progress.step(f"make the base image {reference()} from Debian's packages"),
        tempfile.TemporaryDirectory(dir=archive.parent) as temporary,
    ):
        draft = Path(temporary) / "root.tar"
        # mmdebstrap runs its companion mmtarfilter, and dpkg its helpers in sbin.
        path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:{programs / 'usr' / 'bin'}"
        # A minimal Debian has perl-base only; the modules were unpacked then.
        modules = [*programs.glob("usr/share/perl/5.*"), *programs.glob("usr/lib/*/perl/5.*")]
        environment = {"TMPDIR": temporary, "PATH": path, "PERL5LIB": ":".join(map(str, modules))}
        command = [program, *recipe.options, f"--keyring={keyring}", recipe.suite, str(draft), *recipe.sources]
        run(command, f"making the base image {reference()}", environment)
        draft.rename(archive)
    return archive
