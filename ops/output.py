"""What people see: consoles, the table of apps, progress."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from local.progress import RichProgress, SilentProgress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.progress import Progress
    from ops.status import AppStatus


def console() -> Console:
    """Standard output, for results. Where it is no terminal, lines are not folded."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 200)


def errors() -> Console:
    """Standard error, for progress and messages."""
    return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def progress(*, quiet: bool = False) -> Progress:
    """How work is reported: to standard error, or not at all."""
    return SilentProgress() if quiet else RichProgress(errors())


def print_json(value: Any) -> None:
    """Print a value as JSON on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def apps_table(statuses: Sequence[AppStatus], *, several_clusters: bool) -> Table:
    """The table of apps, where they answer and how many pods are ready."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("APP", "SYSTEM", *(["CLUSTER"] if several_clusters else []), "READY", "URL", "IMAGE"):
        table.add_column(heading, no_wrap=heading != "IMAGE", overflow="fold")
    for status in statuses:
        color = "green" if status.is_ready else "red"
        table.add_row(
            status.name,
            status.system,
            *([status.cluster] if several_clusters else []),
            f"[{color}]{status.ready}/{status.desired}[/]",
            status.url or "-",
            status.image,
        )
    return table


def print_apps(statuses: Sequence[AppStatus]) -> None:
    """Print the table of apps on standard output."""
    console().print(apps_table(statuses, several_clusters=len({status.cluster for status in statuses}) > 1))
