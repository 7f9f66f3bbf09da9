"""`slipway doctor`."""

import typer

from ops.commands.options import AsJson


def doctor(as_json: AsJson = False) -> None:
    """Say what this machine has of what the commands use; exit code 1 when something is missing."""
    from ops.health import examine
    from ops.output import console, print_json

    findings = examine()
    if as_json:
        print_json([finding.as_dict() for finding in findings])
    else:
        for finding in findings:
            mark = {"ok": "[green]ok[/]     ", "note": "[yellow]note[/]   ", "missing": "[red]missing[/]"}[
                finding.level
            ]
            console().print(f"{mark} {finding.what}: {finding.text}")
    if any(finding.level == "missing" for finding in findings):
        raise typer.Exit(1)
