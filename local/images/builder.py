"""Building images of the catalogue: each once per content hash."""

from __future__ import annotations

import shutil
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local import paths, toolchain
from local.images import base, catalog, content, engine, goprogram, registry
from local.locks import locked

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from local.images.catalog import Image
    from local.images.engine import Engine
    from local.progress import Progress


@dataclass(frozen=True)
class Built:
    """An image in the engine's store.

    `stored` is its name there, `content` its content hash, `seconds` the time the build took (0 if it was there).
    """

    image: Image
    stored: str
    content: str
    seconds: float


class Workshop:
    """One engine and the catalogue, for building and pushing several images; see `workshop` and `building`."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.images = catalog.load()
        self.probes = registry.PublicProbes()
        self._engine: Engine | None = None
        self._programs: dict[str, Future[dict[str, Path]]] = {}

    @property
    def engine(self) -> Engine:
        """The build engine, looked for at its first use."""
        if self._engine is None:
            self._engine = engine.find(self.progress)
            self.progress.note(f"images are built with {self._engine.name}")
        return self._engine

    def content(self, image: Image) -> str:
        """The image's content hash."""
        return content.content_hash(image, self.images)

    def needs_compiling(self, image: Image) -> bool:
        """Whether the image holds a Go program that is not in the cache yet."""
        tools = any(toolchain.cached(tool) is None for tool in image.tools)
        return tools or (image.go is not None and goprogram.cached(image.go, image.directory) is None)

    @contextmanager
    def compiling(self, images: Sequence[Image]) -> Generator[None]:
        """Compile the Go programs of `images` in the background while the block runs; `build` waits for its own."""
        pending = [image for image in images if self.needs_compiling(image)]
        with ThreadPoolExecutor(max_workers=1) as pool:
            self._programs = {image.name: pool.submit(self._compile, image) for image in pending}
            try:
                yield
            except BaseException:
                for future in self._programs.values():
                    future.cancel()
                raise
            finally:
                self._programs = {}

    def _compile(self, image: Image) -> dict[str, Path]:
        binaries = toolchain.ensure(image.tools, self.progress)
        if image.go is not None:
            binaries[image.go.name] = goprogram.build(image.go, image.directory, self.progress)
        return binaries

    def build(self, image: Image) -> Built:
        """Build one image, its base first, unless the engine's store has it with this content.

        Raises:
            LocalError: no engine, or the build fails (with the end of its output).
        """
        wanted = self.content(image)
        stored = _stored(image, wanted)
        if self.engine.has(stored):
            return Built(image, stored, wanted, 0.0)
        arguments: dict[str, str] = {}
        if image.base == "debian":
            arguments["BASE"] = base.ensure(self.engine, self.probes, self.progress)
        elif image.base != "scratch":
            arguments["BASE"] = self.build(self.images[image.base]).stored
        compiling = self._programs.get(image.name)
        binaries = compiling.result() if compiling is not None else self._compile(image)
        labels = {content.LABEL: wanted, "org.opencontainers.image.title": image.name}
        if image.kind == "stand-in":
            labels[content.STAND_IN_LABEL] = "true"
        started = time.monotonic()
        with self.progress.step(f"build image {image.name}"), _context(image, binaries) as directory:
            self.engine.build(directory, [stored], arguments, labels, image.platform)
        return Built(image, stored, wanted, time.monotonic() - started)


def _stored(image: Image, content_hash: str) -> str:
    return f"localhost/slipway/{image.name}:{content_hash[:16]}"


@contextmanager
def _context(image: Image, binaries: dict[str, Path]) -> Generator[Path]:
    """A build context: the image's own files, the shared ones, and the programs as `bin/<program>`."""
    home = paths.cache() / "images"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="context-", dir=home) as temporary:
        directory = Path(temporary)
        _copy(image.directory, directory)
        for shared in image.shared:
            _copy(image.directory.parent / shared, directory / shared)
        if binaries:
            (directory / "bin").mkdir()
        for name, binary in binaries.items():
            shutil.copy2(binary, directory / "bin" / name)
        yield directory


def _copy(source: Path, target: Path) -> None:
    for path in content.files(source):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        # The same modes whatever the umask of the checkout was.
        copy.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _sweep(home: Path) -> None:
    """Remove the temporary directories of runs that were killed (the lock is held: nobody else's are there)."""
    stale = [*home.glob("context-*"), *home.glob("tmp?*"), *(home / "tmp").glob("buildah[0-9]*")]
    for directory in stale:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def workshop(progress: Progress) -> Generator[Workshop]:
    """A `Workshop`, closed at the end."""
    shop = Workshop(progress)
    try:
        yield shop
    finally:
        shop.probes.close()


@contextmanager
def building(progress: Progress) -> Generator[None]:
    """Keep other processes from building: the engine's caches are shared. Who builds nothing need not wait."""
    lock = paths.cache() / "images" / "lock"
    with locked(lock, "another process builds images; waiting for it", progress):
        _sweep(lock.parent)
        yield


def build(
    names: Sequence[str], *, tag_for: Callable[[Image], str] | None = None, progress: Progress
) -> dict[str, Built]:
    """Build the named images (none named: all) and give each the reference that `tag_for` returns.

    Args:
        names: names of the catalogue.
        tag_for: the complete reference that a built image gets in the engine's store besides its name by content; by
            default none is given.
        progress: where to report.

    Raises:
        LocalError: an unknown name, no engine, or a build fails.
    """
    with building(progress), workshop(progress) as shop:
        result: dict[str, Built] = {}
        for image in catalog.select(list(names), shop.images):
            built = shop.build(image)
            if tag_for is not None:
                shop.engine.tag(built.stored, tag_for(image))
            result[image.name] = built
        return result
