"""Programs that Debian and Ubuntu package, unpacked into the cache instead of installed.

Nothing is installed on the machine: no service starts, nothing conflicts with a Docker that is there already, and
deleting the cache undoes it. apt itself works out which libraries the machine lacks; those are unpacked too and found
through LD_LIBRARY_PATH.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local import paths
from local.errors import LocalError

if TYPE_CHECKING:
    from local.progress import Progress

# Always ours, also where the machine has them: their versions and settings must not depend on what else runs here.
_OWN = ("containerd", "runc", "containernetworking-plugins", "docker-registry", "busybox-static")
# The machine's own where it has them (iptables above all: the kernel's tables must be written in one dialect).
_IF_MISSING = {"iptables": "iptables", "nft": "nftables", "ip": "iproute2"}
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Packages:
    """The unpacked packages: a directory tree like `/`."""

    root: Path

    @property
    def cni_plugins(self) -> Path:
        """The directory of the CNI plugins (bridge, host-local, …)."""
        return self.root / "usr/lib/cni"

    def program(self, name: str) -> Path:
        """The program `name`: the unpacked one, else the machine's.

        Raises:
            LocalError: neither is there.
        """
        found = shutil.which(name, path=self.search_path)
        if found is None:
            raise LocalError(
                f"the program {name} is missing; delete {self.root} so that it is fetched again, or install it"
            )
        return Path(found)

    @property
    def search_path(self) -> str:
        """PATH for our processes: the unpacked programs first, then the system's own."""
        own = [str(self.root / part) for part in ("usr/sbin", "usr/bin", "sbin", "bin")]
        return ":".join([*own, _SYSTEM_PATH])

    def environment(self) -> dict[str, str]:
        """The variables with which unpacked programs find each other, their libraries and iptables' extensions."""
        libraries = [p for base in ("usr/lib", "lib") for p in sorted((self.root / base).glob("*-linux-gnu*"))]
        variables = {"PATH": self.search_path}
        if libraries:
            variables["LD_LIBRARY_PATH"] = ":".join(map(str, libraries))
        for directory in libraries:
            if (directory / "xtables").is_dir():
                variables["XTABLES_LIBDIR"] = str(directory / "xtables")
        return variables


def cached() -> Packages | None:
    """The unpacked packages, if all that is needed is there already. Never fetches."""
    packages = Packages(_home())
    return packages if packages.root.is_dir() and not _lacking(packages) else None


def ensure(progress: Progress) -> Packages:
    """Download and unpack what is missing.

    Raises:
        LocalError: no apt, or a package that cannot be had; the message names it.
    """
    present = cached()
    if present is not None:
        return present
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise LocalError(
            f"{', '.join(_OWN)} are fetched with apt-get, which this machine lacks (needed: Debian or Ubuntu).\n"
            "Use an own cluster instead: KUBE_CONTEXT=name make dev (k3s, kind, minikube, …)"
        )
    packages = Packages(_home())
    names = [*(() if packages.root.is_dir() else _OWN), *_lacking(packages)]
    packages.root.parent.mkdir(parents=True, exist_ok=True)
    # mkdtemp makes 0700, but apt fetches as its own unprivileged user.
    archives = Path(tempfile.mkdtemp(prefix="slipway-apt-", dir="/var/tmp"))
    try:
        with (
            progress.step(f"fetch {', '.join(sorted(names))}"),
            tempfile.TemporaryDirectory(prefix=".unpacking-", dir=packages.root.parent) as scratch,
        ):
            archives.chmod(0o755)
            _download(names, archives)
            complete = packages.root.is_dir()
            root = packages.root if complete else Path(scratch) / "root"
            root.mkdir(exist_ok=True)
            for archive in sorted(archives.glob("*.deb")):
                _run(["dpkg-deb", "-x", str(archive), str(root)], root, f"unpacking {archive.name}")
            _link_alternatives(root)
            if not complete:
                root.replace(packages.root)
    finally:
        shutil.rmtree(archives, ignore_errors=True)
    return packages


def _lacking(packages: Packages) -> list[str]:
    """The packages whose programs neither the unpacked tree nor the machine has."""
    return [p for name, p in _IF_MISSING.items() if shutil.which(name, path=packages.search_path) is None]


def _home() -> Path:
    release = Path("/etc/os-release")
    text = release.read_text(encoding="utf-8") if release.is_file() else ""
    digest = hashlib.sha256("\0".join([*_OWN, text, os.uname().machine]).encode()).hexdigest()
    return paths.packages() / digest[:12]


def _download(packages: list[str], into: Path) -> None:
    try:
        _run(["apt-get", "download", "-q", *_with_libraries(packages)], into, f"downloading {', '.join(packages)}")
    except LocalError:
        # A fresh machine has no package lists, an old one has outdated ones.
        _run(["apt-get", "update", "-q"], into, "apt-get update")
        _run(["apt-get", "download", "-q", *_with_libraries(packages)], into, f"downloading {', '.join(packages)}")


def _with_libraries(packages: list[str]) -> list[str]:
    """`packages` and what of their dependencies the machine lacks, by apt's own solver (nothing is installed)."""
    result = subprocess.run(
        ["apt-get", "install", "--simulate", "-q", "--no-install-recommends", *packages],
        env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise LocalError(f"apt-get cannot find {', '.join(packages)}: {result.stderr.strip()[-400:]}")
    lacking = re.findall(r"^Inst (\S+)", result.stdout, re.MULTILINE)
    return sorted({*packages, *lacking})


def _link_alternatives(root: Path) -> None:
    """Make the names that the packages' own install scripts would make (`iptables` → `iptables-nft`)."""
    for flavour in sorted((root / "usr/sbin").glob("ip*tables-nft*")):
        name = flavour.name.replace("-nft", "", 1)
        link = flavour.with_name(name)
        if not link.exists() and not link.is_symlink():
            link.symlink_to(flavour.name)


def _run(command: list[str], cwd: Path, what: str) -> None:
    result = subprocess.run(
        command, cwd=cwd, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        words = (result.stderr.strip() or result.stdout.strip())[-500:]
        hint = "\nThe disk is full." if "No space left" in words else ""
        raise LocalError(f"{what} failed (exit code {result.returncode}): {words}{hint}")
