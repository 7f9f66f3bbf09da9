"""What the machine was like before the cluster, so that it can be put back.

Written once, before the first change, and read by `purge`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local import paths, pki

FILE = paths.STATE / "before.json"

# What the components and our own setup change.
SYSCTLS = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/route_localnet",
    "net/ipv4/conf/all/accept_redirects",
    "net/ipv4/conf/all/secure_redirects",
    "net/ipv4/conf/all/send_redirects",
    "net/ipv4/conf/default/accept_redirects",
    "net/ipv4/conf/default/secure_redirects",
    "net/ipv4/conf/default/send_redirects",
    "net/ipv6/conf/all/forwarding",
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-ip6tables",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    "net/netfilter/nf_conntrack_max",
    "net/netfilter/nf_conntrack_tcp_be_liberal",
)

# Directories outside our own that components insist on.
DIRECTORIES = (
    "/var/lib/kubelet",
    "/var/lib/kubelet/device-plugins",
    "/var/lib/cni",
    "/var/log/containers",
    "/var/log/pods",
    "/run/containerd",
    "/run/xtables.lock",
    "/run/flannel",
    "/opt/cni",
    "/opt/containerd",
    "/etc/cni/net.d",
    "/usr/libexec/kubernetes",
)


@dataclass
class Before:
    """The machine before the cluster.

    `sysctls` by path below /proc/sys; `directories` those of DIRECTORIES that existed; `chains` the iptables chains by
    command and table; `modules` the kernel modules that we loaded; `made_kubeconfig` whether the user had none.
    """

    sysctls: dict[str, str] = field(default_factory=dict[str, str])
    directories: list[str] = field(default_factory=list[str])
    chains: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    nft_tables: list[str] = field(default_factory=list[str])
    modules: list[str] = field(default_factory=list[str])
    kubeconfigs: list[str] = field(default_factory=list[str])


def read_sysctls(names: tuple[str, ...] = SYSCTLS, root: Path = Path("/proc/sys")) -> dict[str, str]:
    """The values of those kernel settings that this kernel has."""
    values: dict[str, str] = {}
    for name in names:
        try:
            values[name] = (root / name).read_text(encoding="ascii").strip()
        except OSError:
            continue
    return values


def write_sysctl(name: str, value: str, root: Path = Path("/proc/sys")) -> bool:
    """Set a kernel setting if it differs; returns whether it now has the value."""
    path = root / name
    try:
        if path.read_text(encoding="ascii").strip() == value:
            return True
        path.write_text(value, encoding="ascii")
    except OSError:
        return False
    return True


def load(path: Path = FILE) -> Before | None:
    """The record, or None when there is none (nothing was changed yet)."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Before(**content)
    except (OSError, ValueError, TypeError):
        return None


def save(before: Before, path: Path = FILE) -> None:
    """Write the record."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pki.write_private(path, json.dumps(asdict(before), indent=2) + "\n")
