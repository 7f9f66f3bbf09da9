"""Buildah, with its whole store in slipway's cache; unpacked from Debian's packages where it is not installed."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from local import paths
from local.errors import LocalError
from local.images.flags import build_flags, is_loopback
from local.images.packages import libraries, unpack
from local.images.shell import run, works

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from local.images.reference import Reference
    from local.progress import Progress

# Directories that Buildah makes outside its --root and offers no setting for. In the first it remembers which layer it
# compressed into which blob; kept, that saves compressing the base once per image.
_STRAY_DATA = Path("/var/lib/containers")
_STRAY_CACHE = Path("/var/cache/containers")
_LINK = _STRAY_DATA / "cache"


class BuildahEngine:
    """Buildah with chroot isolation: RUN steps work where no container can be started."""

    name = "buildah"

    def __init__(self, program: Path) -> None:
        home = paths.cache() / "images"
        configuration = home / "buildah"
        temporary = home / "tmp"
        for directory in (configuration, temporary):
            directory.mkdir(parents=True, exist_ok=True)
        policy = configuration / "policy.json"
        policy.write_text('{"default":[{"type":"insecureAcceptAnything"}]}\n', encoding="utf-8")
        registries = configuration / "registries.conf"
        registries.write_text("unqualified-search-registries = []\n", encoding="utf-8")
        empty = configuration / "containers.conf"
        empty.write_text("", encoding="utf-8")
        self._policy = ["--signature-policy", str(policy)]
        self._environment = {
            "BUILDAH_ISOLATION": "chroot",
            # RUN --mount=type=cache lies below the temporary directory; here it lasts as long as the cache.
            "TMPDIR": str(temporary),
            "CONTAINERS_CONF": str(empty),
            "CONTAINERS_REGISTRIES_CONF": str(registries),
        }
        self._store = ["--root", str(home / "store"), "--runroot", str(home / "run")]
        # In namespaces of its own: whatever ends Buildah, its mounts and its RUN steps end with it.
        isolated = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        prefix = isolated if works([*isolated, "true"]) else []
        self._command = [*prefix, str(program)]
        overlay = [*self._command, *self._store, "--storage-driver", "overlay", "info"]
        # Overlay needs a kernel and a file system that allow it; vfs copies each layer but works anywhere.
        self._store += ["--storage-driver", "overlay" if works(overlay, self._environment) else "vfs"]

    def _run(self, arguments: Sequence[str], what: str) -> str:
        with _no_strays(paths.cache() / "images" / "blobs"):
            return run([*self._command, *self._store, *arguments], what, self._environment)

    def works(self) -> bool:
        """Whether the program runs and can use its store."""
        return works([*self._command, *self._store, "info"], self._environment)

    def clean(self) -> None:
        """Remove the working containers that an interrupted build left."""
        if self._run(["containers", "--quiet"], "looking for interrupted builds").strip():
            self._run(["rm", "--all"], "removing an interrupted build")

    def has(self, reference: str) -> bool:
        command = [*self._command, *self._store, "inspect", "--type", "image", "--format", "{{.FromImageID}}"]
        return works([*command, reference], self._environment)

    def pull(self, reference: str) -> None:
        self._run(["pull", "--quiet", *self._policy, reference], f"pulling {reference}")

    def import_root(self, archive: Path, reference: str) -> None:
        what = f"importing {reference}"
        container = self._run(["from", *self._policy, "scratch"], what).strip()
        try:
            self._run(["add", "--quiet", container, str(archive), "/"], what)
            self._run(["commit", "--quiet", *self._policy, container, reference], what)
        finally:
            self._run(["rm", container], what)

    def build(
        self, context: Path, tags: Sequence[str], arguments: Mapping[str, str], labels: Mapping[str, str], platform: str
    ) -> None:
        command = ["bud", "--quiet", *self._policy, "--pull-never", "--platform", platform]
        command += build_flags(tags, arguments, labels)
        self._run([*command, str(context)], f"building image {tags[0]}")

    def tag(self, source: str, target: str) -> None:
        self._run(["tag", source, target], f"tagging {target}")

    def push(self, source: str, destination: Reference) -> None:
        plain = ["--tls-verify=false"] if is_loopback(destination.host) else []
        target = f"docker://{destination}"
        self._run(["push", "--quiet", *self._policy, *plain, source, target], f"pushing {destination}")


def forget_strays() -> None:
    """Remove what a killed run left outside the cache; called before each run, and for a purge."""
    if _LINK.is_symlink() and _LINK.readlink() == paths.cache() / "images" / "blobs":
        _LINK.unlink()
        _STRAY_DATA.rmdir()


@contextmanager
def _no_strays(blobs: Path) -> Generator[None]:
    """Keep what Buildah remembers of blobs in `blobs`, and leave no directory of its own outside the cache.

    A machine whose Podman or Buildah has these directories already keeps them as they are.
    """
    forget_strays()
    data, cache = not _STRAY_DATA.exists(), not _STRAY_CACHE.exists()
    if data:
        blobs.mkdir(parents=True, exist_ok=True)
        _STRAY_DATA.mkdir()
        _LINK.symlink_to(blobs)
    try:
        yield
    finally:
        if data:
            shutil.rmtree(_STRAY_DATA, ignore_errors=True)
        if cache:
            shutil.rmtree(_STRAY_CACHE, ignore_errors=True)


def find(progress: Progress) -> BuildahEngine:
    """Buildah from PATH, else unpacked from Debian's or Ubuntu's package into the cache.

    Raises:
        LocalError: not root, or no package to be had, or it does not work here.
    """
    if os.geteuid() != 0:
        raise LocalError(
            "building images needs Docker or Podman, and neither works here for this user; Buildah, which slipway can "
            "fetch itself, needs root: run this as root or start Docker"
        )
    installed = shutil.which("buildah")
    engine = BuildahEngine(Path(installed) if installed else _unpacked(progress))
    if not engine.works():
        raise LocalError(f"buildah ({engine.name}) is here but cannot use its store in {paths.cache() / 'images'}")
    engine.clean()
    return engine


def _unpacked(progress: Progress) -> Path:
    """Buildah from packages; made to find its libraries beside it, also when it runs itself without environment."""
    root = unpack(("buildah", "patchelf"), progress)
    program = root / "usr" / "bin" / "slipway-buildah"
    if not program.exists():
        found = ":".join(str(path) for path in libraries(root))
        draft = program.with_suffix(".new")
        shutil.copy2(root / "usr" / "bin" / "buildah", draft)
        patchelf = root / "usr" / "bin" / "patchelf"
        run([str(patchelf), "--force-rpath", "--set-rpath", found, str(draft)], "preparing buildah")
        draft.rename(program)
    return program
