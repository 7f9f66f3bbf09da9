"""`slipway audit`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ops.commands.options import AsJson  # noqa: TC001 - Typer reads the annotation at run time

if TYPE_CHECKING:
    from ops.audit.report import Report


def audit(as_json: AsJson = False) -> None:
    """Ask for known vulnerabilities of all that is used; exit code 1: something to do, 3: could not be checked."""
    import datetime as dt

    from ops.audit.checkers import everything
    from ops.audit.report import ACCEPTED_FILE, judge, read_accepted
    from ops.output import print_json, progress
    from ops.project import project_dir
    from ops.sbom.sources import pinned

    directory = project_dir()
    accepted = read_accepted(directory / ACCEPTED_FILE)
    checked = everything(pinned(directory), progress(quiet=as_json))
    report = judge(checked, accepted, dt.datetime.now(tz=dt.UTC).date())
    if as_json:
        print_json(report.as_dict())
    else:
        _show(report)
    if report.code:
        raise typer.Exit(report.code)


def _show(report: Report) -> None:
    from ops.output import console

    out = console()
    for finding in report.open:
        fixed = f"; fixed in {', '.join(finding.fixed)}" if finding.fixed else "; no fix is known"
        out.print(f"{finding.id}: {finding.package} {finding.version}: {finding.summary}{fixed}", markup=False)
    for finding, reason in report.accepted:
        out.print(f"accepted: {finding.id}: {finding.package} {finding.version}: {reason}", markup=False)
    for said in report.stale:
        out.print(said, markup=False)
    for part in report.checked:
        if part.unchecked:
            out.print(f"NOT CHECKED: {part.count} {part.what}: {part.unchecked}", markup=False)
        else:
            out.print(f"checked: {part.count} {part.what}: {len(part.findings)} known vulnerabilities", markup=False)
    if report.code == 3:
        out.print("What could not be checked is neither good nor bad; exit code 3 says so.")
