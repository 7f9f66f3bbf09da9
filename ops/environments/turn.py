"""One at a time on an environment: who makes, extends or removes it holds it, on this machine and on its clusters."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from ops.engines.lock import file_locks, lease
from ops.errors import BusyError
from ops.live import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from ops.kube import Kubectl

# No environment's name holds a dot, so no stack's own lock is met.
_KIND = "environment."
_LEASE_PREFIX = f"slipway-{_KIND}"


@contextmanager
def turn(name: str, clusters: Iterable[Kubectl], action: str, *, make_home: bool = False) -> Generator[None]:
    """Hold an environment. The locks of its stack are others, so an engine can work inside the block.

    Args:
        name: Name of the environment.
        clusters: Its clusters.
        action: The command, for whoever meets the lock.
        make_home: Make the namespace `slipway` where it is not there.

    Raises:
        BusyError: Somebody else holds it; names them.
        OpsError: A cluster does not answer.
    """
    ways = {str(kubectl.access): kubectl for kubectl in clusters}
    with ExitStack() as held:
        try:
            held.enter_context(file_locks(f"{_KIND}{name}", list(ways.values()), action))
            for kubectl in ways.values():
                held.enter_context(lease(kubectl, f"{_KIND}{name}", action, make_home=make_home))
        except BusyError as error:
            raise BusyError(str(error).replace(f"stack {_KIND}", "environment ")) from None
        yield


def forgotten(kubectl: Kubectl, known: Iterable[str]) -> list[str]:
    """Environments whose lease is on a cluster although they are not: a run on them was killed.

    Args:
        kubectl: The cluster.
        known: Names of the environments that are there.

    Raises:
        OpsError: The cluster does not answer.
    """
    found = [item["metadata"]["name"] for item in kubectl.get(["leases.coordination.k8s.io", "-n", NAMESPACE])]
    names = [name.removeprefix(_LEASE_PREFIX) for name in found if name.startswith(_LEASE_PREFIX)]
    return sorted(set(names) - set(known))
