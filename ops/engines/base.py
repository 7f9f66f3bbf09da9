"""What the commands ask of an engine, in one set of types for both."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from ops.drift.report import Drift, Recovery
    from ops.stack import Stack
    from ops.status import AppStatus

EngineName = Literal["pulumi", "helm"]
Operation = Literal["create", "update", "replace", "delete"]

TITLES: dict[EngineName, str] = {"pulumi": "Pulumi", "helm": "Helm"}
"""What the engines are called in messages."""


@dataclass(frozen=True)
class Change:
    """One object or resource that an `up` would change.

    Attributes:
        operation: What would happen to it.
        cluster: Cluster it is on, or None for a resource of a cloud.
        name: `Kind namespace/name`, or a resource's type and name.
        diff: The difference as unified diff of YAML, secrets masked; empty where there is none to show.
    """

    operation: Operation
    cluster: str | None
    name: str
    diff: str = ""


@dataclass(frozen=True)
class Preview:
    """What an `up` would change.

    Attributes:
        engine: The engine that was asked.
        changes: Every change; empty if there is none.
    """

    engine: EngineName
    changes: list[Change] = field(default_factory=list[Change])

    @property
    def counts(self) -> dict[str, int]:
        """Operation to number of changes."""
        return dict(Counter(change.operation for change in self.changes))

    def as_dict(self) -> dict[str, Any]:
        """The output of `slipway preview --json`."""
        return {
            "engine": self.engine,
            "counts": {op: self.counts.get(op, 0) for op in ("create", "update", "replace", "delete")},
            "objects": [
                {"operation": c.operation, "cluster": c.cluster, "name": c.name, "diff": c.diff} for c in self.changes
            ],
        }


@dataclass(frozen=True)
class Outcome:
    """What an `up` or a `down` did.

    Attributes:
        engine: The engine that did it.
        changed: Whether anything was changed.
        kept: What a `down` left on purpose, because it is protected in a cloud.
        unasked: What a `down` could not prove to be gone, each as a sentence with the reason.
        apps: The apps as an `up` that had nothing to change saw them, all of them ready; None: ask.
    """

    engine: EngineName
    changed: bool
    kept: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    apps: tuple[AppStatus, ...] | None = None


class Engine(Protocol):
    """An engine. Each call raises an `OpsError` that says what went wrong."""

    name: EngineName

    def preview(self, stack: Stack) -> Preview:
        """What `up` would change; changes nothing."""
        ...

    def up(self, stack: Stack, timeout: float) -> Outcome:
        """Make the stack as its settings say and wait, at most `timeout` seconds, until it is ready."""
        ...

    def down(self, stack: Stack, timeout: float) -> Outcome:
        """Remove all that the stack made and prove that nothing is left."""
        ...

    def drift(self, stack: Stack) -> Drift:
        """What differs between the program, what was applied last, and what is there; changes nothing."""
        ...

    def refresh(self, stack: Stack) -> Outcome:
        """Write into the engine's state what is really there; changes nothing else."""
        ...

    def recover(self, stack: Stack, *, force: bool) -> Recovery:
        """Clear away what a run that died left in the way of the next one; `force` overrides a live run's locks."""
        ...

    def protected(self, stack: Stack) -> list[str]:
        """What must not be removed by mistake, each with its reason; empty for a stack that may vanish."""
        ...
