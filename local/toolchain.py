"""Download or build the pinned upstream programs on demand and keep them in the cache.

A built program lies at `tools/<module>/<version>-<hash>/<name>` in the cache; the hash covers the module's files and
the build flags, so any change there builds anew and nothing else does.
"""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

from local import paths
from local.children import Children
from local.download import Downloads
from local.errors import LocalError
from local.golang import caches_in_use, go_command, go_environment
from local.locks import locked
from local.modules import MODULES, Module
from local.progress import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local.progress import Progress

# A build links one program at a time and that is single-threaded: two at once overlap linking with compiling. More
# would need more memory (linking kube-apiserver takes about 1.5 GB).
_PARALLEL = 2


def names() -> list[str]:
    """The names that `tool` knows, sorted."""
    return sorted(binary for module in MODULES for binary in module.binaries)


def module_of(name: str) -> Module:
    """The module that builds the program `name`.

    Raises:
        LocalError: no module builds it.
    """
    for module in MODULES:
        if name in module.binaries:
            return module
    raise LocalError(f"there is no tool named {name!r}; there are {', '.join(names())}")


def version(name: str) -> str:
    """The pinned version of the program `name`, for example `v1.36.3`."""
    return module_of(name).version


def cached(name: str) -> Path | None:
    """The program if it is built already, else None. Never builds."""
    path = module_of(name).home / name
    return path if path.is_file() else None


def tool(name: str, progress: Progress | None = None) -> Path:
    """The path of the pinned program `name`, built first where the cache lacks it.

    Args:
        name: a program's name: `kubectl`, `pulumi`, `etcd`, `crane`, … (see `names`).
        progress: told what is being built.

    Raises:
        LocalError: unknown name, no Go and none to be had, or the build failed; the message has the compiler's words.
    """
    return ensure([name], progress)[name]


def ensure(wanted: Iterable[str], progress: Progress | None = None) -> dict[str, Path]:
    """Build all of `wanted` that the cache lacks, a bounded number at once, and return each one's path.

    Raises:
        LocalError: as `tool`; the first failure, after the builds already running have ended.
    """
    progress = progress or SilentProgress()
    order = list(dict.fromkeys(wanted))
    missing: dict[str, list[str]] = {}
    for name in order:
        if cached(name) is None:
            missing.setdefault(module_of(name).name, []).append(name)
    if missing:
        modules = {module.name: module for module in MODULES}
        children = Children()
        downloads = Downloads(children, progress)
        with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
            futures = [
                pool.submit(_provide, modules[module], lacking, downloads, children, progress)
                for module, lacking in missing.items()
            ]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                for future in futures:
                    future.cancel()
                children.stop()
                raise
    return {name: module_of(name).home / name for name in order}


def _provide(module: Module, binaries: list[str], downloads: Downloads, children: Children, progress: Progress) -> None:
    """Put `binaries` of `module` into its home, downloaded or built; another process at the module is waited for."""
    home = module.home
    home.mkdir(parents=True, exist_ok=True)
    with locked(home.parent / ".lock", f"another process builds {module.name}; waiting for it", progress):
        lacking = [name for name in binaries if not (home / name).is_file()]
        if not lacking:
            return
        for stale in home.glob(".building-*"):  # left by a build that was killed; ours is the only one now
            shutil.rmtree(stale, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=".building-", dir=home) as directory:
            scratch = Path(directory)
            with ThreadPoolExecutor(max_workers=len(lacking)) as pool:
                got = list(pool.map(downloads.get, repeat(module), lacking, repeat(scratch)))
            if to_build := [name for name, there in zip(lacking, got, strict=True) if not there]:
                what = f"{', '.join(to_build)} {module.version}".removesuffix(" own")
                with progress.step(f"build {what}"), caches_in_use():
                    _compile(module, to_build, scratch, children, progress)
                    _copy(module, scratch, children, progress)
            # A program is last: where it is, everything that it reads is there too.
            for name in [*(Path(path).name for _, path in module.files), *lacking]:
                # Renamed only when complete: whoever sees the file sees a whole program.
                (scratch / name).replace(home / name)


def _compile(module: Module, binaries: list[str], out: Path, children: Children, progress: Progress) -> None:
    go = go_command(module.directory, progress)
    environment = go_environment(go)
    # Several programs of one module go into one command, which links them side by side and names each by its package.
    target = f"{out}/" if len(binaries) > 1 else str(out / binaries[0])
    packages = [module.binaries[name] for name in binaries]
    command = [str(go), "build", "-ldflags", module.linker_flags, "-o", target, *packages]
    code, output = children.run(command, module.directory, environment)
    if code != 0:
        lines = [line for line in output.splitlines() if not line.startswith("go: downloading")]
        tail = "\n  ".join(lines[-12:]) or "no output"
        hint = ""
        if "no space left" in output:
            hint = f"\nThe disk is full; a first build needs up to 10 GB in {paths.cache()}."
        elif "dial tcp" in output or "i/o timeout" in output:
            hint = "\nThe Go module proxy cannot be reached; set GOPROXY to one that can, or connect this machine."
        raise LocalError(f"building {', '.join(binaries)} {module.version} failed (exit code {code}):\n  {tail}{hint}")


def _copy(module: Module, out: Path, children: Children, progress: Progress) -> None:
    """Copy the module's files out of Go's module cache, where the build has put them and checked their sums."""
    go = go_command(module.directory, progress)
    for required, path in module.files:
        command = [str(go), "list", "-m", "-f", "{{.Dir}}", required]
        code, output = children.run(command, module.directory, go_environment(go))
        if code != 0:
            raise LocalError(f"{required} is not in Go's module cache:\n  {output.strip()}")
        shutil.copyfile(Path(output.strip()) / path, out / Path(path).name)
