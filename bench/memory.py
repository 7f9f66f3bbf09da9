"""Memory of processes that run, in MiB; shared pages are counted by their share (PSS)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from local import processes

if TYPE_CHECKING:
    from collections.abc import Iterable


def of(pids: Iterable[int]) -> float:
    """Memory of processes; one that has ended counts nothing."""
    return sum(map(_one, pids))


def _one(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0.0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found.group(1)) / 1024 if found else 0.0


def control_plane() -> dict[str, float]:
    """Memory of each component of the embedded cluster, by name; the shims of its containers count as containerd."""
    found: dict[str, float] = {}
    for process in processes.find():
        found[process.component] = found.get(process.component, 0.0) + _one(process.pid)
    return found


def pods() -> float:
    """Memory of everything that runs in the embedded cluster's containers."""
    shims = {process.pid for process in processes.find() if not process.main and process.component == "containerd"}
    return of(_descendants(shims) - shims)


def _descendants(roots: set[int]) -> set[int]:
    children: dict[int, list[int]] = {}
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                fields = (directory / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(directory.name))
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting.extend(children.get(pid, []))
    return found
