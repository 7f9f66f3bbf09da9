"""What a run of Pulumi came to, in types that the commands print."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ops.status import AppStatus

Operation = Literal["create", "update", "replace", "delete"]
Kind = Literal["changed", "deleted", "orphan"]


@dataclass(frozen=True)
class Change:
    """What an `up` would change; the cluster of a resource of a cloud is None. The name is `Kind namespace/name`, or a
    resource's type and name; the diff is unified, of YAML, secrets masked, or empty."""

    operation: Operation
    cluster: str | None
    name: str
    diff: str = ""
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "note" or value}


@dataclass(frozen=True)
class Preview:
    changes: list[Change] = field(default_factory=list[Change])

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(change.operation for change in self.changes))

    def as_dict(self) -> dict[str, Any]:
        return {
            "counts": {op: self.counts.get(op, 0) for op in ("create", "update", "replace", "delete")},
            "objects": [change.as_dict() for change in self.changes],
        }


@dataclass(frozen=True)
class Outcome:
    """What an `up`, a `refresh` or a `down` did: `kept` is what a `down` left on purpose, because it is protected in a
    cloud; `unasked` what it could not prove to be gone, each as a sentence with the reason."""

    changed: bool
    kept: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    apps: tuple[AppStatus, ...] = ()


@dataclass(frozen=True)
class Difference:
    """One thing whose reality is not what was applied last: `changed` or `deleted` by somebody else, or an `orphan`,
    with the stack's label but not the stack's. Name and diff are as in Change, from what is there to what was applied;
    `note` is what `up` will not do about it."""

    kind: Kind
    cluster: str | None
    name: str
    diff: str = ""
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Drift:
    """What differs between what is there and what was applied last (`differences`), and between that and the program
    (`pending`). `interrupted` are runs that never ended, `unasked` what could not be asked, each as a sentence."""

    differences: list[Difference] = field(default_factory=list[Difference])
    pending: list[Change] = field(default_factory=list[Change])
    interrupted: list[str] = field(default_factory=list[str])
    unasked: list[str] = field(default_factory=list[str])

    @property
    def any(self) -> bool:
        return bool(self.differences or self.pending or self.interrupted)

    @property
    def counts(self) -> dict[Kind, int]:
        found = Counter(entry.kind for entry in self.differences)
        return {"changed": found["changed"], "deleted": found["deleted"], "orphan": found["orphan"]}

    def as_dict(self) -> dict[str, Any]:
        return {
            "drift": self.any,
            "counts": self.counts,
            "differences": [entry.as_dict() for entry in self.differences],
            "pending": [change.as_dict() for change in self.pending],
            "interrupted": self.interrupted,
            "unasked": self.unasked,
        }


@dataclass(frozen=True)
class Recovery:
    """What `recover` did, and what it `left` for a person to decide, each as a sentence with the way on."""

    done: list[str] = field(default_factory=list[str])
    left: list[str] = field(default_factory=list[str])

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
