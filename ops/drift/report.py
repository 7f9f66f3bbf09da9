"""What `drift` and `recover` found, in one set of types for both engines."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ops.engines.base import Change, EngineName

Kind = Literal["changed", "deleted", "orphan"]
_KINDS: dict[str, Kind] = {"create": "deleted", "update": "changed", "replace": "changed", "delete": "orphan"}


@dataclass(frozen=True)
class Difference:
    """One thing whose reality is not what was applied last.

    Attributes:
        kind: `changed` or `deleted` by somebody else, or an `orphan`: with the stack's label, but not the stack's.
        cluster: Cluster it is on, or None for a resource of a cloud.
        name: `Kind namespace/name`, or a resource's type and name.
        diff: From what is there to what was applied, as unified diff of YAML, secrets masked.
        note: What `up` will not do about it, or empty.
    """

    kind: Kind
    cluster: str | None
    name: str
    diff: str = ""
    note: str = ""


@dataclass(frozen=True)
class Drift:
    """What differs between a stack's program, what was applied last, and what is there.

    Attributes:
        engine: The engine that was asked.
        differences: Reality against what was applied last.
        pending: The program against what was applied last: what nobody applied yet.
        interrupted: Runs that began and never ended, each as a sentence.
        unasked: What could not be asked, each as a sentence with the reason.
    """

    engine: EngineName
    differences: list[Difference] = field(default_factory=list[Difference])
    pending: list[Change] = field(default_factory=list["Change"])
    interrupted: list[str] = field(default_factory=list[str])
    unasked: list[str] = field(default_factory=list[str])

    @property
    def any(self) -> bool:
        """Whether anything differs."""
        return bool(self.differences or self.pending or self.interrupted)

    def as_dict(self) -> dict[str, Any]:
        """The output of `slipway drift --json`."""
        counts = Counter(entry.kind for entry in self.differences)
        return {
            "engine": self.engine,
            "drift": self.any,
            "counts": {kind: counts.get(kind, 0) for kind in ("changed", "deleted", "orphan")},
            "differences": [
                {"kind": d.kind, "cluster": d.cluster, "name": d.name, "diff": d.diff, "note": d.note}
                for d in self.differences
            ],
            "pending": [
                {"operation": c.operation, "cluster": c.cluster, "name": c.name, "diff": c.diff} for c in self.pending
            ],
            "interrupted": self.interrupted,
            "unasked": self.unasked,
        }


@dataclass(frozen=True)
class Recovery:
    """What `recover` did.

    Attributes:
        engine: The engine that was asked.
        done: What was cleared away, each as a sentence.
        left: What a person has to decide, each as a sentence with the way on.
    """

    engine: EngineName
    done: list[str] = field(default_factory=list[str])
    left: list[str] = field(default_factory=list[str])

    def as_dict(self) -> dict[str, Any]:
        """The output of `slipway recover --json`."""
        return {"engine": self.engine, "done": self.done, "left": self.left}


def differences_of(changes: Iterable[Change]) -> list[Difference]:
    """The changes that would bring back what was applied, told as what happened to it."""
    return [Difference(_KINDS[c.operation], c.cluster, c.name, c.diff) for c in changes]


def joined(engine: EngineName, parts: Iterable[Drift]) -> Drift:
    """The drift of several clusters as one."""
    whole = Drift(engine)
    for part in parts:
        whole.differences.extend(part.differences)
        whole.pending.extend(part.pending)
        whole.interrupted.extend(part.interrupted)
        whole.unasked.extend(part.unasked)
    return whole
