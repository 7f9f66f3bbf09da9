"""What an audit found, and what of it is accepted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import yaml

from ops.errors import OpsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ACCEPTED_FILE = "audit-accepted.yaml"
_KEYS = {"id", "package", "reason", "until"}


@dataclass(frozen=True)
class Finding:
    """A known vulnerability of something that is used.

    Attributes:
        id: Its identifier in the advisory database.
        package: Package URL without version.
        version: The version that is used.
        fixed: Versions that fix it.
        summary: What it is, in a line.
        aliases: Its other identifiers (CVE).
    """

    id: str
    package: str
    version: str
    fixed: tuple[str, ...] = ()
    summary: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checked:
    """What one checker did.

    Attributes:
        what: What was to be checked.
        count: Number of packages.
        findings: What was found.
        unchecked: Why it could not be checked, or empty.
    """

    what: str
    count: int
    findings: tuple[Finding, ...] = ()
    unchecked: str = ""


@dataclass(frozen=True)
class Accepted:
    """A finding that cannot be fixed now.

    Attributes:
        id: Identifier of the advisory, or one of its aliases.
        package: Package URL without version.
        reason: Why it is accepted.
        until: The day from which it is not accepted any more.
    """

    id: str
    package: str
    reason: str
    until: dt.date


@dataclass(frozen=True)
class Report:
    """The whole audit.

    Attributes:
        checked: What each checker did.
        open: Findings that nobody accepted.
        accepted: Findings with the reason why they are accepted.
        stale: Entries of the file that no finding needs any more, or whose day has come, each as a sentence.
    """

    checked: tuple[Checked, ...]
    open: tuple[Finding, ...]
    accepted: tuple[tuple[Finding, str], ...] = ()
    stale: tuple[str, ...] = field(default=())

    @property
    def code(self) -> int:
        """Exit code: 1 something is to be done, 3 something could not be checked, 0 neither."""
        if self.open or self.stale:
            return 1
        return 3 if any(part.unchecked for part in self.checked) else 0

    def as_dict(self) -> dict[str, Any]:
        """The output of `slipway audit --json`."""
        return {
            "checked": [{"what": c.what, "packages": c.count, "unchecked": c.unchecked or None} for c in self.checked],
            "open": [_plain(finding) for finding in self.open],
            "accepted": [{**_plain(finding), "reason": reason} for finding, reason in self.accepted],
            "stale": list(self.stale),
        }


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "package": finding.package,
        "version": finding.version,
        "fixed": list(finding.fixed),
        "summary": finding.summary,
        "aliases": list(finding.aliases),
    }


def read_accepted(file: Path) -> list[Accepted]:
    """The findings that are accepted.

    Args:
        file: YAML list of mappings with `id`, `package`, `reason` and `until` (a date).

    Raises:
        OpsError: The file is wrong.
    """
    if not file.is_file():
        return []
    try:
        entries = cast("list[dict[str, Any]]", yaml.safe_load(file.read_text(encoding="utf-8")) or [])
        result: list[Accepted] = []
        for entry in entries:
            if set(entry) != _KEYS or not isinstance(entry["until"], dt.date):
                raise OpsError(f"{file.name}: {entry} must have id, package, reason, and until as a date (2027-01-31)")
            if len(str(entry["reason"]).split()) < 5:
                raise OpsError(f"{file.name}: the reason of {entry['id']} must say why it cannot be fixed")
            result.append(Accepted(str(entry["id"]), str(entry["package"]), str(entry["reason"]), entry["until"]))
    except (yaml.YAMLError, TypeError) as error:
        raise OpsError(f"{file.name} is no list of accepted findings: {str(error).splitlines()[0]}") from None
    return result


def judge(checked: Sequence[Checked], accepted: Sequence[Accepted], today: dt.date) -> Report:
    """Tell what is to be done from what is accepted.

    Args:
        checked: What each checker did.
        accepted: The accepted findings.
        today: The day on which this is asked.
    """
    undone: list[Finding] = []
    excused: list[tuple[Finding, str]] = []
    used: set[Accepted] = set()
    for finding in (finding for part in checked for finding in part.findings):
        entry = next(
            (a for a in accepted if a.package == finding.package and a.id in (finding.id, *finding.aliases)), None
        )
        if entry is None or entry.until <= today:
            undone.append(finding)
        else:
            excused.append((finding, entry.reason))
        if entry is not None:
            used.add(entry)
    stale = [f"{a.id} of {a.package} was accepted until {a.until}; decide anew" for a in used if a.until <= today]
    if not any(part.unchecked for part in checked):
        stale += [
            f"{a.id} of {a.package} is accepted but not found any more; take the entry out"
            for a in accepted
            if a not in used
        ]
    return Report(tuple(checked), tuple(undone), tuple(excused), tuple(sorted(stale)))
