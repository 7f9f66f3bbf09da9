"""The embedded cluster: bring it up, look at it, stop it, remove it."""

from __future__ import annotations

import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local import (
    addons,
    api,
    components,
    configuration,
    debian,
    kubeconfig,
    machine,
    paths,
    pki,
    preflight,
    processes,
    readiness,
    record,
    renewal,
    settings,
    teardown,
    toolchain,
)
from local.progress import SilentProgress
from local.supervisor import State, Supervisor

if TYPE_CHECKING:
    from collections.abc import Generator
    from concurrent.futures import Future

    from local.progress import Progress

# Outside the run directory, which a purge removes while it holds the lock.
_LOCK = Path("/run/slipway.lock")


@dataclass(frozen=True)
class ClusterStatus:
    """What the cluster does now, by real requests.

    `phase` is `absent` (nothing there), `stopped` (data, no process), `degraded` (something does not answer) or
    `ready`.
    """

    phase: str
    node_ready: bool
    components: tuple[State, ...]
    addons: dict[str, bool]
    kubeconfig: Path
    context: str = settings.CONTEXT
    api_server: str = settings.API_SERVER
    registry: str = settings.REGISTRY


class EmbeddedCluster:
    """The one embedded cluster of this machine."""

    kubeconfig: Path = paths.KUBECONFIG
    context: str = settings.CONTEXT

    def up(self, progress: Progress | None = None) -> None:
        """Bring the cluster into the wanted state, whatever state it is in; seconds when it is there already.

        Raises:
            LocalError: this machine cannot have it, or something did not start; what did start stays, and the next
                call goes on from there.
        """
        progress = progress or SilentProgress()
        preflight.check()
        with progress.step("programs"):
            tools, packages = _fetch(progress)
        with _locked(progress):
            with progress.step("machine and certificates"):
                machine.prepare(packages)
                pki.ensure(paths.PKI)
                nameservers = machine.nameservers()
                configuration.files(packages, nameservers).write()
                kubeconfig.write(paths.KUBECONFIG, kubeconfig.admin(paths.PKI))
            _Start(components.build(tools, packages), tools, packages, nameservers, progress).run()
            _merge_kubeconfig()

    def down(self, progress: Progress | None = None) -> None:
        """Stop everything and take rules, interfaces and mounts away; data and images stay for the next `up`."""
        self._end(progress or SilentProgress(), keep_data=True)

    def purge(self, progress: Progress | None = None) -> None:
        """Leave the machine as it was before the first `up`; only the cache stays. The volumes' data goes too."""
        from local.images import buildah

        self._end(progress or SilentProgress(), keep_data=False)
        buildah.forget_strays()

    def status(self) -> ClusterStatus:
        """Ask every component; changes nothing and waits for nobody.

        Raises:
            LocalError: not root, who alone sees the cluster.
        """
        preflight.check_root()
        running = {process.component: process.pid for process in processes.find() if process.main}
        if not running:
            phase = "stopped" if paths.STATE.exists() else "absent"
            return self._unknown(phase, running, "not running")
        packages = debian.cached()
        tools = {name: path for name in components.TOOLS if (path := toolchain.cached(name)) is not None}
        if packages is None or len(tools) < len(components.TOOLS) or not paths.PKI.is_dir():
            return self._unknown("degraded", running, "cannot be asked: its files are gone; `slipway local up` repairs")
        supervisor = Supervisor(paths.LOG)
        parts = components.build(tools, packages)
        with ThreadPoolExecutor(max_workers=len(parts)) as pool:
            states = tuple(pool.map(supervisor.state, [parts[name] for name in components.NAMES]))
        node, available = False, dict.fromkeys(addons.DEPLOYMENTS, False)
        if all(state.problem is None for state in states if state.name == "kube-apiserver"):
            with api.Api(timeout=3) as client:
                node = readiness.node_problem(client) is None
                available = {name: readiness.deployment_problem(client, name) is None for name in available}
        fine = node and all(state.problem is None for state in states) and all(available.values())
        return ClusterStatus("ready" if fine else "degraded", node, states, available, paths.KUBECONFIG)

    def _unknown(self, phase: str, running: dict[str, int], problem: str) -> ClusterStatus:
        """The status where no component can be asked."""
        states = tuple(State(name, running.get(name), problem) for name in components.NAMES)
        return ClusterStatus(phase, False, states, dict.fromkeys(addons.DEPLOYMENTS, False), paths.KUBECONFIG)

    def _end(self, progress: Progress, *, keep_data: bool) -> None:
        preflight.check_root()
        with _locked(progress):
            teardown.run(progress, keep_data=keep_data)
            if not keep_data:
                # Removed by who holds it; whoever waits for it sees that and takes a new one.
                _LOCK.unlink(missing_ok=True)


class _Start:
    """One run of `up`: starts what is missing, everything that can at the same time."""

    def __init__(
        self,
        parts: dict[str, processes.Component],
        tools: dict[str, Path],
        packages: debian.Packages,
        nameservers: list[str],
        progress: Progress,
    ) -> None:
        self._parts = parts
        self._tools = tools
        self._packages = packages
        self._nameservers = nameservers
        self._progress = progress
        self._supervisor = Supervisor(paths.LOG)

    def run(self) -> None:
        pool = ThreadPoolExecutor(max_workers=8)
        try:
            with self._progress.step("control plane and node"):
                images = pool.submit(self._images)
                runtime = pool.submit(self._ensure, "containerd")
                self._ensure("etcd")
                self._ensure("kube-apiserver")
                clients = [
                    pool.submit(self._ensure, name)
                    for name in ("kube-controller-manager", "kube-scheduler", "kube-proxy", "loadbalancer")
                ]
                runtime.result()
                # A pod must not ask for an image that is not pushed yet: the next try would come ten seconds later.
                pinned = images.result()
                node: Future[bool] = pool.submit(self._ensure, "kubelet")
                with api.Api() as client:
                    addons.apply(client, self._nameservers, pinned)
                for future in (*clients, node):
                    future.result()
            with self._progress.step("node and add-ons ready"), api.Api() as client:
                if replaced := renewal.restart_outdated(client, self._supervisor.cancelled):
                    self._progress.note(
                        f"the certificate authority was made anew; restarting what trusts the one before: "
                        f"{', '.join(replaced)}"
                    )
                readiness.wait(client, self._tools["cri"], cancelled=self._supervisor.cancelled)
        except BaseException:
            self._supervisor.cancelled.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        pool.shutdown()

    def _ensure(self, name: str) -> bool:
        return self._supervisor.ensure(self._parts[name], self._progress)

    def _images(self) -> dict[str, str]:
        self._ensure("registry")
        return addons.publish(addons.images(self._tools, self._packages))


def _fetch(progress: Progress) -> tuple[dict[str, Path], debian.Packages]:
    """Get all programs, and packages, both at the same time."""
    wanted = [*components.TOOLS, *addons.TOOLS]
    if toolchain.cached("kube-apiserver") is None:
        progress.note("fetching programs; what cannot be downloaded is built: some ten minutes on two processors")
    with ThreadPoolExecutor(max_workers=1) as pool:
        packages = pool.submit(debian.ensure, progress)
        tools = toolchain.ensure(wanted, progress)
        return tools, packages.result()


def _merge_kubeconfig() -> None:
    path = kubeconfig.user_file()
    kubeconfig.merge(path, kubeconfig.admin(paths.PKI))
    before = record.load()
    if before is not None and str(path) not in before.kubeconfigs:
        before.kubeconfigs.append(str(path))
        record.save(before)


@contextmanager
def _locked(progress: Progress) -> Generator[None]:
    """Only one process changes the cluster at a time; a second one waits and says so."""
    while True:
        descriptor = os.open(_LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            progress.note(f"process {holder or 'unknown'} is changing the embedded cluster; waiting for it to finish")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        # A purge removes the file while we wait for it; then ours is a lock that nobody else sees.
        if _LOCK.exists() and os.fstat(descriptor).st_ino == _LOCK.stat().st_ino:
            break
        os.close(descriptor)
    try:
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)
