"""What somebody approved, and whether it is still what would happen."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from ops.compare.markdown import code
from ops.errors import OpsError

if TYPE_CHECKING:
    from pathlib import Path

_SHOWN = 200


class Step(NamedTuple):
    """One change of a preview; two previews of the same change say the same."""

    operation: str
    cluster: str
    name: str
    diff: str


def steps(path: Path) -> list[Step]:
    """The changes that `slipway preview --json` wrote, sorted: an engine tells them in any order. Raises OpsError."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["objects"]
        return sorted(Step(*(str(entry[key] or "") for key in Step._fields)) for entry in entries)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OpsError(f"{path} is not what `slipway preview --json` writes: {type(error).__name__} {error}") from None


def summary(found: list[Step]) -> str:
    """A preview as a Markdown table, for whoever approves it."""
    if not found:
        return "Nothing would change.\n"
    counts = Counter(step.operation for step in found)
    lines = [", ".join(f"**{count} to {operation}**" for operation, count in sorted(counts.items())), ""]
    lines += ["| | what | where |", "| --- | --- | --- |"]
    lines += [
        f"| {step.operation} | {code(step.name)} | {step.cluster and code(step.cluster)} |" for step in found[:_SHOWN]
    ]
    if len(found) > _SHOWN:
        lines += ["", f"and {len(found) - _SHOWN} more."]
    return "\n".join(lines) + "\n"


def check(approved: list[Step], now: list[Step]) -> None:
    """Raises OpsError, with what is new and what is gone, when something else would happen than what was approved."""
    before, after = Counter(approved), Counter(now)
    news = [f"{step.operation} {step.name}" for step in (after - before).elements()]
    gone = [f"{step.operation} {step.name}" for step in (before - after).elements()]
    if news or gone:
        parts = [f"{word}: {', '.join(items[:10])}" for word, items in (("now", news), ("not any more", gone)) if items]
        raise OpsError(f"what would happen is not what was approved; {'; '.join(parts)}. Start the deploy anew")
