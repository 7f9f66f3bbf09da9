"""A difference as data. It travels from an untrusted run to a trusted one, so it is read strictly and with limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ops.errors import OpsError

if TYPE_CHECKING:
    from pathlib import Path

OPERATIONS = ("delete", "replace", "update", "create")
"""What can happen to a resource, the gravest first."""
SIZE_LIMIT_BYTES = 20_000_000
"""No file larger than this is read as a difference; a change of every resource of prod stays below a tenth of it."""

Operation = Literal["delete", "replace", "update", "create"]
Line = Annotated[str, Field(max_length=1_000)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Change(_Frozen):
    """What happens to one resource; the URN is the head's, or the base's for a deletion. `label` is for text, such as
    `StatefulSet guestbook/redis-master`; `danger`: why this loses something; `diff` is unified, secrets masked."""

    operation: Operation
    urn: Line
    type: Line
    label: Line
    danger: Line | None = None
    reasons: tuple[Line, ...] = ()
    diff: Annotated[str, Field(max_length=400_000)] = ""


class StackDifference(_Frozen):
    """What happens to one stack, the gravest changes first. `new` and `removed`: one side has no such stack; `unknown`:
    a side could not be rendered. `files` are those of the manifests that differ though no resource does."""

    stack: Annotated[str, Field(max_length=255)]
    state: Literal["both", "new", "removed", "unknown"]
    changes: tuple[Change, ...] = ()
    base_error: Annotated[str, Field(max_length=20_000)] | None = None
    head_error: Annotated[str, Field(max_length=20_000)] | None = None
    unchanged: Annotated[int, Field(ge=0)] = 0
    files: tuple[Line, ...] = ()

    def count(self, operation: str) -> int:
        return sum(change.operation == operation for change in self.changes)

    @property
    def dangers(self) -> list[Change]:
        return [change for change in self.changes if change.danger]


class Difference(_Frozen):
    version: Literal[1] = 1
    base: Line
    head: Line
    pull_request: Annotated[int, Field(ge=1, le=10**9)] | None = None
    allowed: bool = False
    notes: tuple[Line, ...] = ()
    stacks: tuple[StackDifference, ...] = ()

    @property
    def dangers(self) -> list[tuple[str, Change]]:
        return [(stack.stack, change) for stack in self.stacks for change in stack.dangers]

    @property
    def blocked(self) -> list[str]:
        """Why this must not be merged as it is; empty when it may."""
        reasons = [f"{s.stack}: the head cannot be rendered" for s in self.stacks if s.head_error]
        if self.allowed:
            return reasons
        reasons += [
            f"{s.stack}: the base cannot be rendered, so what would be lost is unknown"
            for s in self.stacks
            if s.base_error and not s.head_error
        ]
        reasons += [f"{stack}: {change.operation} of {change.label}" for stack, change in self.dangers]
        return reasons


def read(path: Path) -> Difference:
    """A difference that somebody else wrote; raises OpsError if it is missing, too large, or not of this format."""
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        raise OpsError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > SIZE_LIMIT_BYTES:
        raise OpsError(f"{path} is larger than {SIZE_LIMIT_BYTES} bytes, so it is no difference")
    try:
        return Difference.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise OpsError(f"{path} is not what `slipway compare --json` writes: {where}: {first['msg']}") from None
