"""What the tests of environments need: an engine that makes objects in memory, and questions to the records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from ops.engines.base import Outcome
from ops.engines.helm import HelmEngine
from ops.engines.lock import file_locks
from ops.engines.removal import Removal
from ops.environments import record as records
from ops.environments.names import now

if TYPE_CHECKING:
    from ops.engines.base import EngineName
    from ops.environments.record import Record
    from ops.stack import Stack
    from tests.support.memory import MemoryCluster

DEPLOYED = {"observedGeneration": 1, "readyReplicas": 9, "updatedReplicas": 9}


@dataclass
class MemoryEngine(HelmEngine):
    """Applies what is rendered, and removes by the engines' own `Removal`.

    Attributes:
        name: The engine that it stands for.
        fails: What to raise at the `up` of a stack, or at its `down` (`down <stack>`).
        leaves: Whether an `up` that fails leaves something behind.
        ups: Stacks that were brought up, in order.
        downs: Stacks that were taken down, in order.
    """

    name: EngineName = "helm"
    fails: dict[str, BaseException] = field(default_factory=dict[str, BaseException])
    leaves: bool = False
    ups: list[str] = field(default_factory=list[str])
    downs: list[str] = field(default_factory=list[str])

    def up(self, stack: Stack, timeout: float) -> Outcome:
        """Apply everything, or fail as told."""
        assert timeout > 0
        self.ups.append(stack.name)
        for cluster, kubectl in stack.reachable().items():
            manifests = stack.manifests(cluster)
            if stack.name in self.fails:
                kubectl.apply(manifests[: 1 if self.leaves else 0], manager="test")
                raise self.fails[stack.name]
            kubectl.apply(
                ({**m, "status": DEPLOYED} if m["kind"] in ("Deployment", "StatefulSet") else m for m in manifests),
                manager="t",
            )
        return Outcome(self.name, changed=True)

    def down(self, stack: Stack, timeout: float) -> Outcome:
        """Remove everything, or fail as told."""
        with file_locks(stack.name, list(stack.reachable().values()), "down"):
            self.downs.append(stack.name)
            if f"down {stack.name}" in self.fails:
                raise self.fails[f"down {stack.name}"]
            removals = [Removal(stack, kubectl, None) for kubectl in stack.reachable().values()]
            changed = [removal.run(timeout) for removal in removals]
            for removal in removals:
                removal.prove()
        return Outcome(self.name, any(changed))

    def protected(self, stack: Stack) -> list[str]:
        """Nothing."""
        assert stack.name
        return []


def found(cluster: MemoryCluster, name: str) -> Record:
    """The record of an environment."""
    record = records.find(cluster, name)
    assert record is not None
    return record


def outdate(cluster: MemoryCluster, *names: str) -> None:
    """Let the time of environments be over."""
    for name in names:
        records.update(cluster, name, expires=now() - timedelta(minutes=5))


def objects_of(cluster: MemoryCluster, name: str) -> list[str]:
    """Everything on a cluster that carries an environment's label."""
    return [
        str(k) for k, v in cluster.objects.items() if v["metadata"].get("labels", {}).get("slipway.dev/stack") == name
    ]
