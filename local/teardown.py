"""Stop the cluster and take away what it left on the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from local import (
    components,
    configuration,
    debian,
    iptables,
    kubeconfig,
    machine,
    paths,
    processes,
    record,
    runtime,
    settings,
    toolchain,
)
from local.errors import LocalError
from local.supervisor import Supervisor

if TYPE_CHECKING:
    from local.debian import Packages
    from local.progress import Progress

_GRACE = 10


def run(progress: Progress, *, keep_data: bool) -> None:
    """Stop everything; without `keep_data` also remove everything but the cache.

    Works from any state: nothing there, half started, after a reboot. Programs that are needed to undo something are
    fetched again if the cache was deleted meanwhile.

    Raises:
        LocalError: something could not be removed; the message says what, and running this again goes on.
    """
    before = record.load()
    if before is None and not paths.STATE.exists() and not paths.RUN.exists() and not processes.find():
        progress.note("there is no embedded cluster on this machine")
        return
    packages = debian.ensure(progress)
    supervisor = Supervisor(paths.LOG)
    with progress.step("stop pods"):
        supervisor.stop(["kubelet"])
        _stop_pods()
    with progress.step("stop components"):
        for names in components.STOP_ORDER[1:]:
            supervisor.stop(names)
        # Shims and helpers that outlived their parents, and what is left in the pods' cgroups.
        processes.stop((process.pid for process in processes.find()), grace=2)
        processes.stop(in_our_cgroups(), grace=2)
    with progress.step("remove network, mounts and rules"):
        _unmount()
        _remove_interfaces(packages)
        _remove_cgroups()
        if before is not None:
            iptables.clear(packages, before.chains, before.nft_tables)
        shutil.rmtree(paths.RUN, ignore_errors=True)
    if not keep_data:
        with progress.step("remove data"):
            _remove_files(before)
    if before is not None:
        _restore(packages, before)
    if not keep_data:
        _remove_tree(paths.STATE)


def _stop_pods() -> None:
    """End all containers through the runtime: they get their grace period, the network plugins undo their work."""
    cri = toolchain.cached("cri")
    if cri is None or processes.main_process("containerd") is None:
        return
    subprocess.run(
        [str(cri), "-socket", str(runtime.SOCKET), "-grace", str(_GRACE), "-timeout", "60s", "remove"],
        capture_output=True,
        check=False,  # what could not be stopped this way is killed below
    )


def in_our_cgroups() -> list[int]:
    """The processes in the cgroup above all pods."""
    found: set[int] = set()
    for mount in machine.cgroup_mounts():
        for listing in (mount / configuration.CGROUP).rglob("cgroup.procs"):
            try:
                found.update(int(line) for line in listing.read_text(encoding="ascii").split())
            except OSError:
                continue
    return sorted(found)


def _unmount() -> None:
    """Unmount everything below our directories, the innermost first."""
    for _ in range(3):  # a mount may hide another one at the same place
        points = our_mounts()
        if not points:
            return
        for point in points:
            subprocess.run(["umount", "--lazy", point], capture_output=True, check=False)
        time.sleep(0.05)
    if remaining := our_mounts():
        raise LocalError(f"these cannot be unmounted: {', '.join(remaining[:5])}")


def our_mounts(mountinfo: Path = Path("/proc/self/mountinfo")) -> list[str]:
    """The mount points below our directories, the innermost first."""
    prefixes = tuple(f"{path}/" for path in (paths.STATE, paths.RUN))
    points = [line.split()[4] for line in mountinfo.read_text(encoding="utf-8").splitlines()]
    plain = [machine.plain(point) for point in points]
    return sorted((point for point in plain if point.startswith(prefixes)), key=len, reverse=True)


def _remove_interfaces(packages: Packages) -> None:
    for name in (settings.POD_BRIDGE, settings.BRIDGE):
        for member in sorted(Path(f"/sys/class/net/{name}/brif").glob("*")):
            _ip(packages, "link", "delete", member.name)
        if Path(f"/sys/class/net/{name}").exists():
            _ip(packages, "link", "delete", name)
        if Path(f"/sys/class/net/{name}").exists():
            raise LocalError(f"the network interface {name} cannot be removed; try: ip link delete {name}")


def _ip(packages: Packages, *arguments: str) -> None:
    environment = {**os.environ, **packages.environment()}
    subprocess.run([str(packages.program("ip")), *arguments], env=environment, capture_output=True, check=False)


def _remove_cgroups() -> None:
    """Remove our cgroups from the leaves up; the kernel needs a moment after the last process."""
    for mount in machine.cgroup_mounts():
        root = mount / configuration.CGROUP
        deadline = time.monotonic() + 5
        while root.exists() and time.monotonic() < deadline:
            for group in sorted((p for p in root.rglob("*") if p.is_dir()), key=lambda p: len(p.parts), reverse=True):
                _rmdir(group)
            _rmdir(root)
            if root.exists():
                time.sleep(0.05)


def _rmdir(path: Path) -> None:
    try:
        path.rmdir()
    except OSError:
        return


def _remove_files(before: record.Before | None) -> None:
    """Directories that components insist on having elsewhere, and our context in kubeconfig files."""
    if before is None:
        return
    for name in before.kubeconfigs:
        kubeconfig.remove(Path(name))
    for directory in record.DIRECTORIES:
        if directory in before.directories:
            continue
        path = Path(directory)
        if path.is_dir():
            _remove_tree(path)
        else:
            path.unlink(missing_ok=True)


def _restore(packages: Packages, before: record.Before) -> None:
    """Put kernel settings back, and take modules out that we put in."""
    for name, value in before.sysctls.items():
        record.write_sysctl(name, value)
    environment = {**os.environ, **packages.environment()}
    for module in reversed(before.modules):
        subprocess.run(
            [str(packages.program("modprobe")), "-r", module], env=environment, capture_output=True, check=False
        )


def _remove_tree(path: Path) -> None:
    if not path.exists():
        return
    try:
        shutil.rmtree(path)
    except OSError as error:
        raise LocalError(f"{path} cannot be removed: {error.strerror} ({error.filename}); run this again") from None
