"""Growth: time and memory per workload of ever larger stacks, which ought to be a straight line."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.measure import Row, alternate, run
from bench.plan import PROJECT

if TYPE_CHECKING:
    from bench.plan import Plan

SIZES = (10, 100, 1000, 3000)
REFERENCE = 100
AIM = 1.20
_LARGE = 1000
_LARGE_ROUNDS = 3


@dataclass(frozen=True)
class _Point:
    seconds: float
    peak: float
    resources: int


def run_part(plan: Plan) -> list[Row]:
    """CPU time and memory per workload, each size beside a hundred."""
    sizes = [size for size in SIZES if size <= plan.largest]
    idle = [_point(0).peak for _ in range(3)]
    base = sorted(idle)[1]
    small = alternate(
        {str(size): lambda n=size: _point(n) for size in sizes if size < _LARGE}, plan.rounds, "growth, workloads"
    )
    large = alternate(
        {str(size): lambda n=size: _point(n) for size in sizes if size >= _LARGE},
        min(plan.rounds, _LARGE_ROUNDS),
        "growth, workloads",
    )
    taken = {int(name): points for name, points in {**small, **large}.items()}
    reference = taken[REFERENCE]
    rows: list[Row] = []
    for size, points in taken.items():
        against = "" if size == REFERENCE else f"the same per workload at {REFERENCE}"
        aim = AIM if size == SIZES[-1] else None
        note = f"{points[0].resources} resources"
        for what, unit, values, others in (
            ("CPU", "ms", _times(points, size), _times(reference, REFERENCE)),
            ("memory", "KiB", _memory(points, size, base), _memory(reference, REFERENCE, base)),
        ):
            title = f"{size:,} workloads: {what} per workload"
            rows.append(Row("growth", title, unit, values, others if against else [], against, aim, note))
    return rows


def _times(points: list[_Point], size: int) -> list[float]:
    return [point.seconds / size * 1000 for point in points]


def _memory(points: list[_Point], size: int, base: float) -> list[float]:
    return [(point.peak - base) / size * 1024 for point in points]


def _point(size: int) -> _Point:
    sample = run([sys.executable, "-m", "bench.programs.run_workloads", str(size)], cwd=PROJECT)
    told = json.loads(sample.output)
    return _Point(told["seconds"], sample.peak, told["resources"])
