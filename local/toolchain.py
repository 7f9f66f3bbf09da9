"""Build the pinned upstream programs on demand and keep them in the cache.

Each directory below `local/tools/` is a Go module of its own (their dependencies would clash in one), pinned by go.mod
and go.sum. A built program lies at `tools/<module>/<version>-<hash>/<name>` in the cache; the hash covers the module's
files and the build flags, so any change there builds anew and nothing else does.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local import paths
from local.errors import LocalError
from local.golang import go_command, go_environment
from local.progress import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from local.progress import Progress


@dataclass(frozen=True)
class Module:
    """A Go module below `local/tools/` and the programs it builds.

    `pin` is the required module whose version is the tool's version (none for our own programs); `binaries` maps each
    program's name to its package; `stamp` gives the linker variables that carry the version.
    """

    name: str
    binaries: Mapping[str, str]
    pin: str | None = None
    stamp: tuple[str, ...] = ()

    @property
    def directory(self) -> Path:
        return paths.module_dir(self.name)

    @property
    def version(self) -> str:
        """The pinned version as go.mod has it (`v1.36.3`), or `own`."""
        if self.pin is None:
            return "own"
        text = (self.directory / "go.mod").read_text(encoding="utf-8")
        found = re.search(rf"^(?:require)?\s*{re.escape(self.pin)}\s+(v\S+)", text, re.MULTILINE)
        if found is None:
            raise LocalError(f"{self.directory / 'go.mod'} does not require {self.pin}, so its version is unknown")
        return found.group(1)

    @property
    def linker_flags(self) -> str:
        """Flags that drop debug data and stamp the version in."""
        version = self.version
        plain = version.removeprefix("v")
        major, minor = [*plain.split("."), "", ""][:2]
        values = {"version": version, "plain": plain, "major": major, "minor": minor}
        return " ".join(["-s", "-w", *(f"-X {variable.format(**values)}" for variable in self.stamp)])

    @property
    def home(self) -> Path:
        """Where this version's binaries lie in the cache; changes with every input of the build."""
        digest = hashlib.sha256()
        inputs = [p for p in self.directory.rglob("*") if p.suffix in {".go", ".mod", ".sum"}]
        files = [p for p in inputs if not p.name.endswith("_test.go")]
        for path in sorted(files):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(self.directory)}\0{len(content)}\0".encode())
            digest.update(content)
        digest.update(self.linker_flags.encode())
        return paths.tools() / self.name / f"{self.version}-{digest.hexdigest()[:12]}"


def _kubernetes_stamp() -> tuple[str, ...]:
    # `kubectl version` and the API server's version negotiation parse these.
    return tuple(
        f"{package}.{variable}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for variable in ("gitVersion={version}", "gitMajor={major}", "gitMinor={minor}", "gitTreeState=clean")
    )


_KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl")

MODULES: tuple[Module, ...] = (
    Module(
        "kubernetes", {n: f"k8s.io/kubernetes/cmd/{n}" for n in _KUBERNETES}, "k8s.io/kubernetes", _kubernetes_stamp()
    ),
    Module("etcd", {"etcd": "go.etcd.io/etcd/server/v3"}, "go.etcd.io/etcd/server/v3"),
    Module("loadbalancer", {"loadbalancer": "."}),
    Module("cri", {"cri": "."}),
    Module("coredns", {"coredns": "."}, "github.com/coredns/coredns"),
    Module(
        "metrics-server",
        {"metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server"},
        "sigs.k8s.io/metrics-server",
        (
            "k8s.io/client-go/pkg/version.gitVersion={version}",
            "k8s.io/component-base/version.gitVersion={version}",
        ),
    ),
    Module(
        "local-path-provisioner",
        {"local-path-provisioner": "github.com/rancher/local-path-provisioner"},
        "github.com/rancher/local-path-provisioner",
        ("main.VERSION={version}",),
    ),
    Module("pause", {"pause": "."}),
    Module(
        "kubeconform",
        {"kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform"},
        "github.com/yannh/kubeconform",
        ("main.version={version}",),
    ),
    Module(
        "kube-score",
        {"kube-score": "github.com/zegl/kube-score/cmd/kube-score"},
        "github.com/zegl/kube-score",
        ("main.version={plain}",),
    ),
    Module(
        "govulncheck",
        {"govulncheck": "golang.org/x/vuln/cmd/govulncheck"},
        "golang.org/x/vuln",
    ),
    Module(
        "actionlint",
        {"actionlint": "github.com/rhysd/actionlint/cmd/actionlint"},
        "github.com/rhysd/actionlint",
        ("github.com/rhysd/actionlint.version={version}",),
    ),
    Module(
        "crane",
        {"crane": "github.com/google/go-containerregistry/cmd/crane"},
        "github.com/google/go-containerregistry",
        ("github.com/google/go-containerregistry/cmd/crane/cmd.Version={version}",),
    ),
    Module("kwok", {"kwok": "sigs.k8s.io/kwok/cmd/kwok"}, "sigs.k8s.io/kwok"),
    Module(
        "traefik",
        {"traefik": "github.com/traefik/traefik/v3/cmd/traefik"},
        "github.com/traefik/traefik/v3",
        ("github.com/traefik/traefik/v3/pkg/version.Version={plain}",),
    ),
)

_BY_BINARY: dict[str, Module] = {binary: module for module in MODULES for binary in module.binaries}

# A build links one program at a time and that is single-threaded: two at once overlap linking with compiling. More
# would need more memory (linking kube-apiserver takes about 1.5 GB).
_PARALLEL = 2


def names() -> list[str]:
    """The names that `tool` knows, sorted."""
    return sorted(_BY_BINARY)


def module_of(name: str) -> Module:
    """The module that builds the program `name`.

    Raises:
        LocalError: no module builds it.
    """
    try:
        return _BY_BINARY[name]
    except KeyError:
        raise LocalError(f"there is no tool named {name!r}; there are {', '.join(names())}") from None


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
        with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
            futures = [pool.submit(_build, modules[module], lacking, progress) for module, lacking in missing.items()]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                for future in futures:
                    future.cancel()
                _running.stop()
                raise
    return {name: module_of(name).home / name for name in order}


def _build(module: Module, binaries: list[str], progress: Progress) -> None:
    """Build `binaries` of `module` into its home; another process building the same module is waited for."""
    home = module.home
    home.mkdir(parents=True, exist_ok=True)
    with _locked(home.parent / ".lock", f"another process builds {module.name}; waiting for it", progress):
        lacking = [name for name in binaries if not (home / name).is_file()]
        if not lacking:
            return
        for stale in home.glob(".building-*"):  # left by a build that was killed; ours is the only one now
            shutil.rmtree(stale, ignore_errors=True)
        what = f"{', '.join(lacking)} {module.version}".removesuffix(" own")
        with progress.step(f"build {what}"), tempfile.TemporaryDirectory(prefix=".building-", dir=home) as scratch:
            _compile(module, lacking, Path(scratch), progress)
            for name in lacking:
                # Renamed only when complete: whoever sees the file sees a whole program.
                (Path(scratch) / name).replace(home / name)


def _compile(module: Module, binaries: list[str], out: Path, progress: Progress) -> None:
    go = go_command(module.directory, progress)
    environment = go_environment(go)
    # Several programs of one module go into one command, which links them side by side and names each by its package.
    target = f"{out}/" if len(binaries) > 1 else str(out / binaries[0])
    packages = [module.binaries[name] for name in binaries]
    command = [str(go), "build", "-ldflags", module.linker_flags, "-o", target, *packages]
    code, output = _running.run(command, module.directory, environment)
    if code != 0:
        lines = [line for line in output.splitlines() if not line.startswith("go: downloading")]
        tail = "\n  ".join(lines[-12:]) or "no output"
        hint = ""
        if "no space left" in output:
            hint = f"\nThe disk is full; a first build needs up to 10 GB in {paths.cache()}."
        elif "dial tcp" in output or "i/o timeout" in output:
            hint = "\nThe Go module proxy cannot be reached; set GOPROXY to one that can, or connect this machine."
        raise LocalError(f"building {', '.join(binaries)} {module.version} failed (exit code {code}):\n  {tail}{hint}")


class _Running:
    """The compilers that run now, so that a failure or Ctrl-C ends them all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[str]] = set()

    def run(self, command: list[str], cwd: Path, environment: dict[str, str]) -> tuple[int, str]:
        # With the parent killed outright nobody waits for the compiler: it ends too.
        guard = [setpriv, "--pdeathsig", "TERM", "--"] if (setpriv := shutil.which("setpriv")) else []
        with self._lock:
            process = subprocess.Popen(
                [*guard, *command],
                cwd=cwd,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            self._processes.add(process)
        try:
            output, _ = process.communicate()
        finally:
            with self._lock:
                self._processes.discard(process)
        return process.returncode, output

    def stop(self) -> None:
        with self._lock:
            for process in self._processes:
                process.terminate()


_running = _Running()


@contextmanager
def _locked(path: Path, waiting: str, progress: Progress) -> Generator[None]:
    """Hold an exclusive lock on `path`; says `waiting` when somebody else holds it."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.note(waiting)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
