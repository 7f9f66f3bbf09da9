"""What of a machine a cluster could change, as data that can be compared: before the first `up` and after `purge`."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local import components, debian, iptables, kubeconfig, machine, paths, preflight, processes

if TYPE_CHECKING:
    from collections.abc import Iterable

# Two levels of what programs write to, and their own entries.
_TREES = (
    "/etc",
    "/etc/cni",
    "/opt",
    "/run",
    "/run/netns",
    "/usr/libexec",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/tmp",  # noqa: S108 - looked at only
)
_SYSCTL_TREES = ("kernel", "net/bridge", "net/ipv4", "net/ipv6", "net/netfilter", "vm")
# Counters and clocks, which change by themselves.
_VOLATILE = (
    "kernel/ns_last_pid",
    "kernel/pty/nr",
    "kernel/random/",
    "net/netfilter/nf_conntrack_count",
    "net/netfilter/nf_conntrack_buckets",
    "vm/stat_refresh",
)


@dataclass(frozen=True)
class Footprint:
    """A machine's state, each part sorted text so that a difference reads well."""

    processes: list[str]
    mounts: list[str]
    interfaces: list[str]
    routes: list[str]
    namespaces: list[str]
    rules: list[str]
    sysctls: list[str]
    cgroups: list[str]
    listeners: list[str]
    files: list[str]

    def difference(self, after: Footprint) -> dict[str, list[str]]:
        """What differs in `after`: lines with `+` are new, with `-` gone; empty when nothing does."""
        changes: dict[str, list[str]] = {}
        for part in fields(self):
            old, new = set(getattr(self, part.name)), set(getattr(after, part.name))
            lines = [f"- {line}" for line in sorted(old - new)] + [f"+ {line}" for line in sorted(new - old)]
            if lines:
                changes[part.name] = lines
        return changes

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)


def from_json(text: str) -> Footprint:
    """The footprint that `to_json` wrote."""
    content: dict[str, Any] = json.loads(text)
    return Footprint(**content)


def take() -> Footprint:
    """Look at this machine now; needs root to see everything."""
    return Footprint(
        processes=sorted(f"{process.component} {_command(process.pid)}" for process in processes.find()),
        mounts=_mounts(),
        interfaces=sorted(_interface(path) for path in Path("/sys/class/net").iterdir()),
        routes=_lines(["ip", "-4", "route", "show", "table", "all"]),
        namespaces=_namespaces(),
        rules=_rules(),
        sysctls=_sysctls(),
        cgroups=_cgroups(),
        listeners=sorted({f"{found.address}:{found.port}" for found in preflight.listeners() if _ours(found.port)}),
        files=_files(),
    )


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")[:100]
    except OSError:
        return "?"


def _mounts() -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return sorted(f"{line.split()[4]} {line.partition(' - ')[2].split()[0]}" for line in lines)


def _interface(path: Path) -> str:
    return f"{path.name} {(path / 'address').read_text(encoding='ascii').strip() if path.name != 'lo' else ''}"


def _namespaces() -> list[str]:
    """Network namespaces in use by a process other than ours, and those kept by a mount."""
    own = os.readlink("/proc/self/ns/net")  # noqa: PTH115 - not a path
    found: set[str] = set()
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                found.add(os.readlink(directory / "ns" / "net"))  # noqa: PTH115 - not a path
            except OSError:
                continue
    return sorted(found - {own})


def _rules() -> list[str]:
    """Packet filter chains and tables; per-rule lines only of ours, because others' change by themselves."""
    packages = debian.cached()
    if packages is None:
        return []
    chains = [f"{key}: {name}" for key, names in iptables.chains(packages).items() for name in names]
    return sorted([*chains, *(f"nft {table}" for table in iptables.nft_tables(packages))])


def _sysctls() -> list[str]:
    found: list[str] = []
    root = Path("/proc/sys")
    for tree in _SYSCTL_TREES:
        for path in _walk(root / tree):
            name = str(path.relative_to(root))
            if name.startswith(_VOLATILE):
                continue
            try:
                value = path.read_text(encoding="utf-8", errors="replace").split()
            except OSError:
                continue
            found.append(f"{name} = {' '.join(value)}")
    return sorted(found)


def _cgroups() -> list[str]:
    return sorted(str(path) for mount in machine.cgroup_mounts() for path in mount.iterdir() if path.is_dir())


def _files() -> list[str]:
    user = kubeconfig.user_file()
    trees = [Path(tree) for tree in _TREES]
    found = {str(entry) for tree in trees if tree.is_dir() for entry in tree.iterdir()}
    found |= {str(path) for path in (user, paths.STATE, paths.RUN) if path.exists()}
    if user.is_file():
        found.add(f"{user}: {user.read_text(encoding='utf-8', errors='replace')}")
    return sorted(found)


def _ours(port: int) -> bool:
    return port in {number for _, number, _ in components.PORTS}


def _walk(directory: Path) -> Iterable[Path]:
    for base, _, names in os.walk(directory):
        for name in names:
            yield Path(base) / name


def _lines(command: list[str]) -> list[str]:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return sorted({line.strip() for line in result.stdout.splitlines() if line.strip()})
