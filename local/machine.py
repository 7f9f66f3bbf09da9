"""What the cluster needs of the machine: kernel modules and settings, the node's bridge, cgroups, directories."""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from local import configuration, iptables, paths, record, settings
from local.errors import LocalError

if TYPE_CHECKING:
    from local.debian import Packages

# Each with a path that exists when the feature is there, built in or loaded.
_MODULES = {
    "overlay": None,
    "br_netfilter": Path("/proc/sys/net/bridge/bridge-nf-call-iptables"),
    "nf_conntrack": Path("/proc/sys/net/netfilter"),
}
_SETTINGS = {
    "net/ipv4/ip_forward": "1",
    # Node ports on 127.0.0.1.
    "net/ipv4/conf/all/route_localnet": "1",
    # Traffic between pods on the bridge passes the Services' rules.
    "net/bridge/bridge-nf-call-iptables": "1",
}


def prepare(packages: Packages) -> None:
    """Make the machine ready; what is ready already is left alone.

    Raises:
        LocalError: the kernel lacks something, or does not let us.
    """
    before = record.load()
    if before is None:
        # Loading a module makes its settings appear, so that comes first and is undone last.
        loaded = _load_modules(packages)
        before = record.Before(
            sysctls=record.read_sysctls(),
            directories=[path for path in record.DIRECTORIES if Path(path).exists()],
            chains=iptables.chains(packages),
            nft_tables=iptables.nft_tables(packages),
            modules=loaded,
        )
        record.save(before)
    else:
        _load_modules(packages)
    for name, value in _SETTINGS.items():
        if not record.write_sysctl(name, value):
            raise LocalError(
                f"the kernel setting {name.replace('/', '.')} cannot be set to {value}; Kubernetes needs it. "
                "In a container, start it with --privileged, or use an own cluster: KUBE_CONTEXT=name make dev"
            )
    _bridge(packages)
    iptables.guard(packages, settings.POD_BRIDGE)
    _cgroups()
    for directory in (paths.STATE, paths.RUN, paths.LOG, configuration.VOLUMES, paths.registry_storage()):
        directory.mkdir(parents=True, exist_ok=True)
    for directory in (paths.STATE, paths.RUN):
        directory.chmod(0o700)
    share(packages, configuration.KUBELET)


def nameservers(
    candidates: tuple[Path, ...] = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf")),
) -> list[str]:
    """The machine's DNS servers that a pod can ask: those on loopback (systemd-resolved's) are not among them."""
    for path in candidates:
        try:
            text = path.read_text(encoding="utf-8")
        except OSError:
            continue
        found = [a for a in re.findall(r"^nameserver\s+(\S+)", text, re.MULTILINE) if not _is_loopback(a)]
        if found:
            return found
    return []


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return True


def _load_modules(packages: Packages) -> list[str]:
    """Load what is missing and return the names; a kernel with everything built in has no /proc/modules."""
    loaded: list[str] = []
    present = Path("/proc/modules")
    for name, path in _MODULES.items():
        there = path.exists() if path else "\toverlay\n" in Path("/proc/filesystems").read_text(encoding="ascii")
        if there:
            continue
        known = present.read_text(encoding="ascii") if present.is_file() else ""
        if shutil.which("modprobe", path=packages.search_path) is None:
            raise LocalError(f"the kernel module {name} is not loaded and modprobe is missing; apt-get install kmod")
        _run(packages, "modprobe", name, message=f"the kernel has no {name}, which Kubernetes needs")
        if not re.search(rf"^{name} ", known, re.MULTILINE):
            loaded.append(name)
    return loaded


def _bridge(packages: Packages) -> None:
    """The node's own network: an interface that is always there, whatever the machine is connected to."""
    if not Path(f"/sys/class/net/{settings.BRIDGE}").exists():
        _run(
            packages, "ip", "link", "add", settings.BRIDGE, "type", "bridge", message="a network bridge cannot be made"
        )
    address = f"{settings.NODE_ADDRESS}/{ipaddress.ip_network(settings.NODE_NETWORK).prefixlen}"
    _run(packages, "ip", "address", "replace", address, "dev", settings.BRIDGE, message=f"{address} cannot be set")
    _run(packages, "ip", "link", "set", settings.BRIDGE, "up", message=f"{settings.BRIDGE} cannot be set up")
    # The kernel looks for a route before kube-proxy's rules replace the address; without a network there is none else.
    network = settings.SERVICE_NETWORK
    _run(packages, "ip", "route", "replace", network, "dev", settings.BRIDGE, message=f"{network} has no route")


def share(packages: Packages, directory: Path) -> None:
    """Make the directory part of a shared mount: what is mounted in it appears in containers that have it, too.

    The kubelet does so itself where it is not the case (`MakeRShared` of its source), but while its sockets are being
    moved into place there; a rename that the mount comes between ends it with "invalid cross-device link".

    Raises:
        LocalError: the kernel does not let us.
    """
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    if is_shared(directory):
        return
    for arguments in (("--bind", str(directory), str(directory)), ("--make-rshared", str(directory))):
        message = f"{directory} cannot be made a shared mount, which the kubelet needs"
        _run(packages, "mount", *arguments, message=message)


def is_shared(directory: Path, mountinfo: Path = Path("/proc/self/mountinfo")) -> bool:
    """Whether the mount that `directory` is on passes on what is mounted below it (proc_pid_mountinfo(5))."""
    place, shared = directory.resolve(), False
    for line in mountinfo.read_text(encoding="utf-8").splitlines():
        fields = line.partition(" - ")[0].split()
        # The last one that fits is on top of those before it.
        if place.is_relative_to(plain(fields[4])):
            shared = any(field.startswith("shared:") for field in fields[6:])
    return shared


def plain(point: str) -> str:
    """A mount point as it is: in the kernel's table spaces and the like are octal numbers."""
    return point.encode("latin-1").decode("unicode_escape") if "\\" in point else point


def cgroup_mounts(mountinfo: Path = Path("/proc/self/mountinfo")) -> list[Path]:
    """Where the cgroup hierarchies are mounted: several for v1, one for v2."""
    found: list[Path] = []
    for line in mountinfo.read_text(encoding="utf-8").splitlines():
        left, _, right = line.partition(" - ")
        if right.split()[0] in {"cgroup", "cgroup2"}:
            found.append(Path(left.split()[4]))
    return found


def _cgroups() -> None:
    """The cgroup above all pods, in every hierarchy."""
    mounts = cgroup_mounts()
    if not mounts:
        raise LocalError(
            "no cgroups are mounted, so no container can run here. Use an own cluster: KUBE_CONTEXT=name make dev"
        )
    for mount in mounts:
        group = mount / configuration.CGROUP
        try:
            group.mkdir(exist_ok=True)
            if len(mounts) == 1:
                _delegate(mount, group)
            for name in ("cpuset.cpus", "cpuset.mems"):
                # In v1 a new group starts without processors, and nothing could run in it.
                path = group / name
                if path.is_file() and not path.read_text(encoding="ascii").strip() and (mount / name).is_file():
                    path.write_text((mount / name).read_text(encoding="ascii"), encoding="ascii")
        except OSError as error:
            raise LocalError(
                f"the cgroup {group} cannot be made ({error.strerror}), so no container can run here. "
                "Use an own cluster: KUBE_CONTEXT=name make dev"
            ) from None


def _delegate(mount: Path, group: Path) -> None:
    """In v2 a group's children have only the controllers that it passes on."""
    available = (mount / "cgroup.controllers").read_text(encoding="ascii").split()
    wanted = " ".join(f"+{name}" for name in available)
    for directory in (mount, group):
        (directory / "cgroup.subtree_control").write_text(wanted, encoding="ascii")


def _run(packages: Packages, program: str, *arguments: str, message: str) -> None:
    result = subprocess.run(
        [str(packages.program(program)), *arguments],
        env={**os.environ, **packages.environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise LocalError(
            f"{message}: {result.stderr.strip() or f'exit code {result.returncode}'}\n"
            "Use an own cluster instead: KUBE_CONTEXT=name make dev (k3s, kind, minikube, …)"
        )
