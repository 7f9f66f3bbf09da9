"""Which Pulumi CLI a run uses, and the environment in which it works on every machine."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from local import paths, toolchain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from local.progress import Progress

_SOURCE_URL = "https://get.pulumi.com/latest-version"
_REACH_TIMEOUT_S = 15  # of a process that itself gives up after 4
_INSTALL_TIMEOUT_S = 300
_FORGET_AFTER_S = 24 * 3600
_REACH = "import sys, httpx; httpx.get(sys.argv[1], timeout=4, follow_redirects=True).raise_for_status()"
_INSTALL = "import sys; from pulumi.automation import PulumiCommand; PulumiCommand.install(root=sys.argv[1])"
_PROVIDER = "pulumi-resource-kubernetes"
_LANGUAGE_HOST = "pulumi-language-python"
_NO_DOWNLOADS = {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}


@dataclass(frozen=True)
class Cli:
    """Pulumi's CLI; version as it says itself, `v3.229.0`. `environment` is what it needs beside the stack's backend
    and passphrase; PATH in it is the whole PATH."""

    path: Path
    version: str
    source: str
    environment: Mapping[str, str]


def find(progress: Progress) -> Cli:
    """The CLI of this machine, else one that Pulumi's SDK downloads, else the one built from pinned source (LocalError
    if that fails). Where Pulumi's downloads cannot be reached, that is remembered for a day and ends no run."""
    found = for_clouds(progress)
    if found is None:
        return _pinned(progress)
    if _has_provider() or _reachable(progress):
        return found
    # It cannot fetch its plugins: the pinned provider serves.
    provider = toolchain.tool(_PROVIDER, progress)
    return replace(found, environment=_environment([found.path.parent, provider.parent]) | _NO_DOWNLOADS)


def for_clouds(progress: Progress) -> Cli | None:
    """The CLI of this machine, else one that is downloaded: both can have the clouds' providers; None without them."""
    own = _downloaded()
    for path, source in (*_installed(), (own, "downloaded")):
        if os.access(path, os.X_OK) and (version := _version(path)):
            return Cli(path, version, source, _environment([path.parent]))
    if _reachable(progress) and (version := _download(own, progress)):
        return Cli(own, version, "downloaded", _environment([own.parent]))
    return None


def _installed() -> Iterable[tuple[Path, str]]:
    """Where people have the CLI. The pinned build may be on PATH as well, by its own environment: it is no find."""
    found = shutil.which("pulumi")
    if found and not Path(found).is_relative_to(paths.tools()):
        yield Path(found), "on PATH"
    yield Path.home() / ".pulumi" / "bin" / "pulumi", "in ~/.pulumi/bin"


def _downloaded() -> Path:
    return paths.cache() / "pulumi" / importlib.metadata.version("pulumi") / "bin" / "pulumi"


def _version(path: Path) -> str | None:
    """What the CLI says that it is; None where it does not run."""
    try:
        done = subprocess.run(
            [str(path), "version"],
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _pinned(progress: Progress) -> Cli:
    built = toolchain.ensure(["pulumi", _PROVIDER, _LANGUAGE_HOST], progress)
    path = built["pulumi"]
    # Where releases of Pulumi have it.
    _link(built[_LANGUAGE_HOST], path.parent)
    before = os.environ.get("PULUMI_HOME") or str(Path.home() / ".pulumi")
    home = paths.cache() / "pulumi" / "home"
    # With what it reads from beside itself.
    for file in built[_PROVIDER].parent.iterdir():
        if file.suffix == ".json" or file == built[_PROVIDER]:
            _link(file, home / "plugins" / _plugin())
    environment = _environment([path.parent]) | _NO_DOWNLOADS
    # A plugin that is found on PATH is warned of in each run.
    environment |= {"PULUMI_IGNORE_AMBIENT_PLUGINS": "true", "PULUMI_HOME": str(home)}
    environment["PULUMI_CREDENTIALS_PATH"] = os.environ.get("PULUMI_CREDENTIALS_PATH", before)
    # The pinned language host knows nothing of Pulumi.yaml's virtual environment.
    environment["PULUMI_PYTHON_CMD"] = sys.executable
    # In this release: no warning that the provider is older than the Python package, and nothing else that a run does.
    environment["PULUMI_DEV"] = "true"
    return Cli(path, toolchain.version("pulumi"), "built from pinned source", environment)


def _link(file: Path, directory: Path) -> None:
    """Put a file into a directory; programs look beside a symbolic link's target for others of theirs."""
    directory.mkdir(parents=True, exist_ok=True)
    link = directory / file.name
    if not (link.exists() and link.samefile(file)):
        draft = directory / f".{file.name}-{os.getpid()}"
        draft.hardlink_to(file)
        draft.replace(link)


def _plugin() -> str:
    """The Kubernetes provider that the Python SDK asks for, as Pulumi names its directory."""
    return f"resource-kubernetes-v{importlib.metadata.version('pulumi-kubernetes')}"


def _environment(directories: Iterable[Path]) -> dict[str, str]:
    before = os.environ.get("PATH", "").split(os.pathsep)
    first = [str(directory) for directory in directories]
    return {
        "PATH": os.pathsep.join(dict.fromkeys([*first, *before])),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # The program's `enable_patch_force`, for older providers, which know the variable alone.
        "PULUMI_K8S_ENABLE_PATCH_FORCE": "true",
        # Each step writes the whole state anew: a third of the engine's time went into what it left behind.
        "GOGC": os.environ.get("GOGC", "400"),
    }


def _has_provider() -> bool:
    """Whether the CLI finds the Kubernetes provider that the Python SDK asks for, or any on PATH."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    plugin = home / "plugins" / _plugin() / _PROVIDER
    found = shutil.which(_PROVIDER)
    return plugin.is_file() or (found is not None and not Path(found).is_relative_to(paths.tools()))


def _reachable(progress: Progress) -> bool:
    """Whether Pulumi's downloads answer; asked at most once a day where they do not."""
    try:
        if 0 <= time.time() - _unreachable().stat().st_mtime < _FORGET_AFTER_S:
            return False
    except FileNotFoundError:
        pass
    with progress.step("ask for Pulumi's downloads"):
        reached = _child(_REACH, _SOURCE_URL, _REACH_TIMEOUT_S)
    if not reached:
        _remember_unreachable()
    return reached


def _unreachable() -> Path:
    return paths.cache() / "pulumi" / f"unreachable-{importlib.metadata.version('pulumi')}"


def _remember_unreachable() -> None:
    _unreachable().parent.mkdir(parents=True, exist_ok=True)
    _unreachable().touch()


def _download(path: Path, progress: Progress) -> str | None:
    """Have the SDK install the CLI that it goes with, whole or not at all; its version, None where that failed."""
    root = path.parents[1]
    root.parent.mkdir(parents=True, exist_ok=True)
    with (
        progress.step(f"download Pulumi's CLI {root.name}"),
        tempfile.TemporaryDirectory(prefix=".downloading-", dir=root.parent) as scratch,
    ):
        draft = Path(scratch) / root.name
        if _child(_INSTALL, str(draft), _INSTALL_TIMEOUT_S) and _version(draft / "bin" / "pulumi"):
            shutil.rmtree(root, ignore_errors=True)
            with contextlib.suppress(OSError):  # another run was quicker
                draft.replace(root)
    version = _version(path)
    if version is None:
        _remember_unreachable()
    return version


def _child(program: str, argument: str, timeout_s: float) -> bool:
    """Whether a Python program succeeds. A broken proxy setting or a name server that hangs ends with its process."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, argument],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(timeout_s) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
