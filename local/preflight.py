"""What would stop the cluster from starting, found before anything is started and told in one message."""

from __future__ import annotations

import ipaddress
import os
import platform
import shutil
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from local import components, debian, paths, processes, settings, toolchain
from local.errors import LocalError

INSTEAD = "Use an own cluster instead: KUBE_CONTEXT=name make dev (k3s, kind, minikube, …)"

_GIB = 1024**3
# For compilers' caches, module downloads, binaries and images of a first build; chosen with room to spare.
_BUILD_SPACE = 10 * _GIB
_SMALL_SPACE = _GIB
_STATE_SPACE = 2 * _GIB
_MEMORY = 2 * _GIB
_CAP_NET_ADMIN, _CAP_SYS_ADMIN = 12, 21
_LISTEN = "0A"
_UNKNOWN = "another process"
_PATIENCE = 3.0


@dataclass(frozen=True)
class Listener:
    """A listening TCP socket: address, port, and the kernel's number for it."""

    address: str
    port: int
    inode: str


def check() -> None:
    """Look at everything and say all that is wrong at once.

    Raises:
        LocalError: something is; the message lists each with its remedy.
    """
    impossible = embedding_problems()
    if impossible:
        raise LocalError(_message("the embedded cluster cannot run on this machine", impossible) + f"\n{INSTEAD}")
    ports = port_problems(listeners())
    deadline = time.monotonic() + _PATIENCE
    while any(_UNKNOWN in problem for problem in ports) and time.monotonic() < deadline:
        # A process that was killed just now holds its ports a moment longer than it can be seen.
        time.sleep(0.1)
        ports = port_problems(listeners())
    problems = [*ports, *space_problems(), *route_problems(), *fetch_problems()]
    if problems:
        raise LocalError(_message("the embedded cluster cannot start", problems) + f"\nOr: {INSTEAD}")


def check_root() -> None:
    """Stopping and removing need root as well.

    Raises:
        LocalError: this is not root on Linux.
    """
    if platform.system() != "Linux" or os.geteuid() != 0:
        raise LocalError(f"the embedded cluster is root's on Linux (this is user {os.geteuid()}); try it with sudo")


def embedding_problems() -> list[str]:
    """Reasons why this machine cannot have an embedded cluster at all."""
    if platform.system() != "Linux":
        return [f"it runs {platform.system()}; containers need Linux"]
    problems: list[str] = []
    if os.geteuid() != 0:
        problems.append(f"it needs root (this is user {os.geteuid()}); try: sudo make dev")
    elif lacking := _lacking_capabilities():
        problems.append(f"root lacks {', '.join(lacking)} here (a container?); start it with --privileged")
    if platform.machine() not in {"x86_64", "aarch64"}:
        problems.append(f"its processor is {platform.machine()}; supported are x86_64 and aarch64")
    return problems


def port_problems(listening: list[Listener]) -> list[str]:
    """The ports of ours that somebody else listens on, with the process's name."""
    own = {process.pid for process in processes.find()}
    problems: list[str] = []
    for address, port, component in components.PORTS:
        for listener in listening:
            if listener.port != port or listener.address not in {"0.0.0.0", "::", address, f"::ffff:{address}"}:  # noqa: S104 - compared, not bound
                continue
            pid, name = _owner(listener.inode)
            if pid not in own:
                who = f"{name} (process {pid})" if pid else _UNKNOWN
                problems.append(
                    f"port {port}, which {component} needs on {address}, is in use by {who}; stop it or move it"
                )
                break
    return list(dict.fromkeys(problems))


def space_problems() -> list[str]:
    """File systems that are too full, and too little memory."""
    built = all(toolchain.cached(name) for name in components.TOOLS)
    needs = {paths.cache(): _SMALL_SPACE if built else _BUILD_SPACE}
    needs[paths.STATE] = _SMALL_SPACE if paths.STATE.exists() else _STATE_SPACE
    problems: list[str] = []
    for path, needed in needs.items():
        free = shutil.disk_usage(_existing(path)).free
        if free < needed:
            problems.append(
                f"{path} has {free / _GIB:.1f} GB of free disk and needs {needed / _GIB:.0f} GB; make room"
                + (" or set SLIPWAY_CACHE to another disk" if path == paths.cache() else "")
            )
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if total < _MEMORY:
        problems.append(f"the machine has {total / _GIB:.1f} GB of memory and needs {_MEMORY / _GIB:.0f} GB")
    return problems


def route_problems(table: Path = Path("/proc/net/route")) -> list[str]:
    """Networks of this machine that overlap with ours."""
    if not table.is_file():
        return []
    ours = {
        network: ipaddress.ip_network(network)
        for network in (settings.NODE_NETWORK, settings.POD_NETWORK, settings.SERVICE_NETWORK)
    }
    problems: list[str] = []
    for line in table.read_text(encoding="ascii").splitlines()[1:]:
        interface, destination, *_rest = line.split()
        mask = line.split()[7]
        if interface in {settings.BRIDGE, settings.POD_BRIDGE} or mask == "00000000":
            continue
        network = ipaddress.ip_network(f"{_address(destination)}/{_address(mask)}", strict=False)
        problems.extend(
            f"the network {network} on {interface} overlaps with the cluster's {name}; disconnect it first"
            for name, wanted in ours.items()
            if network.overlaps(wanted)
        )
    return problems


def fetch_problems() -> list[str]:
    """What has to be fetched and cannot be, as far as that shows without trying."""
    if debian.cached() is None and not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return ["containerd and its helpers are fetched with apt-get, which is missing (needed: Debian or Ubuntu)"]
    return []


def listeners(tables: tuple[Path, ...] = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))) -> list[Listener]:
    """All listening TCP sockets of this machine."""
    found: list[Listener] = []
    for table in tables:
        if not table.is_file():
            continue
        for line in table.read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN:
                address, port = fields[1].split(":")
                found.append(Listener(_address(address), int(port, 16), fields[9]))
    return found


def _address(text: str) -> str:
    """An address as the kernel's tables write it: words of 32 bits in the machine's byte order."""
    words = [struct.pack("=I", int(text[i : i + 8], 16)) for i in range(0, len(text), 8)]
    packed = b"".join(words)
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def _owner(inode: str) -> tuple[int, str]:
    """The process that holds the socket, (0, "") when it cannot be seen."""
    wanted = f"socket:[{inode}]"
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit():
            continue
        try:
            if any(os.readlink(link) == wanted for link in (directory / "fd").iterdir()):  # noqa: PTH115 - not a path
                return int(directory.name), (directory / "comm").read_text(encoding="utf-8").strip()
        except OSError:
            continue
    return 0, ""


def _lacking_capabilities() -> list[str]:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapEff:"):
            held = int(line.split()[1], 16)
            names = {"CAP_NET_ADMIN": _CAP_NET_ADMIN, "CAP_SYS_ADMIN": _CAP_SYS_ADMIN}
            return [name for name, bit in names.items() if not held >> bit & 1]
    return []


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _message(title: str, problems: list[str]) -> str:
    return "\n".join([f"{title}:", *(f"  - {problem}" for problem in problems)])
