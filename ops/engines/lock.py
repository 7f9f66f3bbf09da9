"""One run at a time on a stack: a file lock between processes of this machine, a Lease between machines."""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import json
import os
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from local import paths
from ops.errors import BusyError, OpsError
from ops.kube import CommandError, Key, Manifest, annotations_of
from ops.live import NAMESPACE, wait_gone

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from ops.kube import Kubectl

HOME: Manifest = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {
        "name": NAMESPACE,
        "labels": {"app.kubernetes.io/managed-by": "slipway", "pod-security.kubernetes.io/enforce": "restricted"},
    },
}
"""The namespace `slipway`."""
_DURATION_S = 60
_RENEW_S = 20
_HOME_TIMEOUT_S = 90
# A killed run's children take a moment to end.
_PATIENCE_S = 5.0
_HOLDER = "slipway.dev/lock-file"


def _me(action: str) -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}, process {os.getpid()}, slipway {action}"


@contextmanager
def home(kubectl: Kubectl) -> Generator[None]:
    """Hold the namespace `slipway` of a cluster on this machine, while it is made or removed; waits its turn."""
    path = _file("_home", kubectl)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _file(stack: str, kubectl: Kubectl) -> Path:
    digest = hashlib.sha256(str(kubectl.access).encode()).hexdigest()[:12]
    return _locks() / f"{stack}-{digest}.lock"


def _locks() -> Path:
    return paths.cache() / "locks"


@contextmanager
def file_locks(stack: str, clusters: Sequence[Kubectl], action: str) -> Generator[None]:
    """Hold the stack on this machine, for each of its clusters.

    Args:
        stack: Stack name.
        clusters: Its clusters.
        action: The command, for whoever meets the lock.

    Raises:
        BusyError: Another process holds it; names it.
    """
    with ExitStack() as held:
        # A stack of clouds alone has no cluster before it is made: then the stack itself is held.
        for path in sorted({_file(stack, kubectl) for kubectl in clusters} or {_locks() / f"{stack}.lock"}):
            held.enter_context(_file_lock(path, stack, action))
        yield


@contextmanager
def _file_lock(path: Path, stack: str, action: str) -> Generator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as handle:
        end = time.monotonic() + _PATIENCE_S
        while not _try_lock(handle):
            if time.monotonic() >= end:
                handle.seek(0)
                holder = handle.read().strip() or "another process"
                raise BusyError(f"stack {stack} is being worked on by {holder}; wait for it and run this again")
            time.sleep(0.2)
        handle.truncate(0)
        handle.write(f"{_me(action)}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
        handle.flush()
        try:
            yield
        finally:
            handle.truncate(0)


def _try_lock(handle: IO[str]) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _machine() -> str:
    """Names the file lock that stands behind a lease: who holds that file now knows the lease's holder is gone."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = socket.gethostname()
    return boot


class _Lease:
    """The Lease of a stack on one cluster. The file lock must be held."""

    def __init__(self, kubectl: Kubectl, stack: str, action: str) -> None:
        self._kubectl = kubectl
        self._stack = stack
        self._me = _me(action)
        self._name = f"slipway-{stack}".lower()
        self._key = Key("coordination.k8s.io", "Lease", NAMESPACE, self._name)
        self._file = f"{_machine()}:{_file(stack, kubectl)}"

    def _manifest(self, version: str | None = None) -> Manifest:
        metadata: dict[str, Any] = {
            "name": self._name,
            "namespace": NAMESPACE,
            "labels": {"app.kubernetes.io/managed-by": "slipway"},
            "annotations": {_HOLDER: self._file},
        }
        if version is not None:
            metadata["resourceVersion"] = version
        now = _now()
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {
                "holderIdentity": self._me,
                "leaseDurationSeconds": _DURATION_S,
                "acquireTime": now,
                "renewTime": now,
            },
        }

    def acquire(self) -> None:
        """Take it.

        Raises:
            BusyError: Somebody on another machine holds it and is alive.
        """
        try:
            self._kubectl.run(["create", "-f", "-"], stdin=json.dumps(self._manifest()))
        except CommandError as error:
            if "AlreadyExists" not in error.text and "already exists" not in error.text:
                raise
        else:
            return
        for lease in self._there():
            self._refuse_live(lease)
            version = lease["metadata"]["resourceVersion"]
            self._kubectl.run(["replace", "-f", "-"], stdin=json.dumps(self._manifest(version)))

    def free(self, *, force: bool) -> str | None:
        """Take it away from a holder that is gone, or from any if forced; says from whom.

        Raises:
            BusyError: Its holder is alive.
        """
        for lease in self._there():
            if not force:
                self._refuse_live(lease)
            self._kubectl.delete([self._key], wait=False)
            return f"freed the lock of {lease['spec'].get('holderIdentity')} on cluster {self._kubectl.cluster}"
        return None

    def refuse_live(self) -> None:
        """Refuse to go on while somebody on another machine holds it.

        Raises:
            BusyError: Its holder is alive.
        """
        for lease in self._there():
            self._refuse_live(lease)

    def _there(self) -> list[Manifest]:
        return self._kubectl.get(["leases.coordination.k8s.io", self._name, "-n", NAMESPACE])

    def _refuse_live(self, lease: Manifest) -> None:
        if not self._is_stale(lease):
            raise BusyError(
                f"stack {self._stack} on cluster {self._kubectl.cluster} is being worked on by "
                f"{lease['spec'].get('holderIdentity')} (since {lease['spec'].get('acquireTime')}); "
                "wait for it and run this again"
            )

    def _is_stale(self, lease: Manifest) -> bool:
        if annotations_of(lease).get(_HOLDER) == self._file:
            return True
        renewed = datetime.fromisoformat(lease["spec"]["renewTime"].replace("Z", "+00:00"))
        return (datetime.now(UTC) - renewed).total_seconds() > lease["spec"].get("leaseDurationSeconds", _DURATION_S)

    def renew(self) -> None:
        """Say that we are alive; a call that fails is made up for by the next."""
        patch = json.dumps({"spec": {"renewTime": _now()}})
        try:
            self._kubectl.run(
                ["patch", "leases.coordination.k8s.io", self._name, "-n", NAMESPACE, "--type=merge", "-p", patch],
                timeout=_RENEW_S,
            )
        except OpsError:
            return

    def release(self) -> None:
        """Give it back; a cluster that is gone meanwhile has none."""
        try:
            self._kubectl.delete([self._key], wait=False)
        except OpsError:
            return


def refuse_live(kubectl: Kubectl, stack: str) -> None:
    """Refuse to look at a stack that somebody on another machine is changing. The file lock must be held.

    Args:
        kubectl: The cluster.
        stack: Stack name.

    Raises:
        BusyError: Somebody is; names them.
    """
    _Lease(kubectl, stack, "drift").refuse_live()


def free_lease(kubectl: Kubectl, stack: str, *, force: bool) -> str | None:
    """Take the Lease of a stack away from a run that died. Unless forced, the file lock must be held.

    Args:
        kubectl: The cluster.
        stack: Stack name.
        force: Take it from a run that is alive, too.

    Returns:
        What was done as a sentence, or None where there is no Lease.

    Raises:
        BusyError: Its holder is alive; names them.
    """
    return _Lease(kubectl, stack, "recover").free(force=force)


@contextmanager
def lease(kubectl: Kubectl, stack: str, action: str, *, make_home: bool) -> Generator[None]:
    """Hold the stack on a cluster against other machines. The file lock must be held.

    Args:
        kubectl: The cluster.
        stack: Stack name.
        action: The command, for whoever meets the lease.
        make_home: Make the namespace `slipway`, where leases are; else, where it is not there, there is no lease.

    Raises:
        BusyError: Somebody else holds it; names them.
        CommandError: The cluster does not let us make a Lease.
    """
    held = _Lease(kubectl, stack, action)
    with home(kubectl):
        there = kubectl.get(["namespaces", NAMESPACE])
        ending = any(item["metadata"].get("deletionTimestamp") for item in there)
        if ending:
            wait_gone(kubectl, [Key("", "Namespace", "", NAMESPACE)], _HOME_TIMEOUT_S)
        if make_home:
            kubectl.apply([HOME], manager="slipway")
        elif ending or not there:
            held = None
        if held is not None:
            held.acquire()
    if held is None:
        yield
        return
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(_RENEW_S):
            held.renew()

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        held.release()
