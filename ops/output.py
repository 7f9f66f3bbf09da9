"""What people see: consoles, the table of apps, progress."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from local.progress import RichProgress, SilentProgress
from ops.verbose import is_verbose

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
    if quiet:
        return SilentProgress()
    return RichProgress(errors(), quiet_below=0) if is_verbose() else RichProgress(errors())


def print_json(value: Any) -> None:
    ascii_only = sys.stdout.encoding.lower() != "utf-8"
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=ascii_only) + "\n")


_IMAGES_FROM = 110
"""Columns of a terminal from which on the images have a place beside the addresses."""


def apps_table(statuses: Sequence[AppStatus], width: int) -> Table:
    """The table of apps: where they answer and how many pods are ready. Columns that do not fit are left out."""
    several = len({status.cluster for status in statuses}) > 1
    columns = {"APP": [status.name for status in statuses]}
    if width >= _IMAGES_FROM:
        columns["SYSTEM"] = [status.system for status in statuses]
    if several:
        columns["CLUSTER"] = [status.cluster for status in statuses]
    columns["READY"] = [
        f"[{'green' if status.is_ready else 'red'}]{status.ready}/{status.desired}[/]" for status in statuses
    ]
    columns["URL"] = [status.url or "-" for status in statuses]
    if width >= _IMAGES_FROM and any(status.host for status in statuses):
        columns["HOST"] = [status.host or "" for status in statuses]
    if width >= _IMAGES_FROM:
        columns["IMAGE"] = [
            f"{status.image} ({status.origin})" if status.origin else status.image for status in statuses
        ]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in columns:
        table.add_column(heading, no_wrap=True, overflow="ellipsis" if heading == "IMAGE" else "fold")
    for row in zip(*columns.values(), strict=True):
        table.add_row(*row)
    return table


def print_apps(statuses: Sequence[AppStatus]) -> None:
    out = console()
    out.print(apps_table(statuses, out.width))
