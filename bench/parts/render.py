"""`slipway render` beside a flat program of the same resources on the same recording monitor."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bench.measure import BenchError, Row, Sample, alternate, run
from bench.plan import PROJECT, SLIPWAY
from bench.programs import flat, run_flat
from ops.render.program import record
from stacks.stack_file import read_stack_config

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.plan import Plan
    from ops.render.monitor import Record

STACKS = ("dev", "prod")
AIM = 1.10


def same_resources(ours: Mapping[str, Record], theirs: Mapping[str, Record]) -> list[str]:
    """What two programs do not have in common.

    Args:
        ours: What one registered.
        theirs: What the other registered.

    Returns:
        Type and name of each custom resource that only one has, or whose inputs differ.
    """
    left = {(entry.type, entry.name): entry.inputs for entry in ours.values() if entry.custom}
    right = {(entry.type, entry.name): entry.inputs for entry in theirs.values() if entry.custom}
    return sorted(" ".join(key) for key in {*left, *right} if left.get(key) != right.get(key))


def write_flat(stack: str, file: Path) -> int:
    """Write the flat program of a stack and prove that it is the same work.

    Args:
        stack: Stack name.
        file: Where it goes.

    Returns:
        Number of its resources.

    Raises:
        BenchError: It registers something else.
    """
    ours = record(read_stack_config(PROJECT, stack))
    file.write_text(flat.source(ours), encoding="utf-8")
    theirs = run_flat.record(file, stack)
    if different := same_resources(ours, theirs):
        raise BenchError(f"the flat program of {stack} is not the same work: {', '.join(different[:5])}")
    return sum(entry.custom for entry in ours.values())


def run_part(plan: Plan) -> list[Row]:
    """Wall time, CPU time and peak memory of rendering each stack."""
    rows: list[Row] = []
    for stack in STACKS:
        folder = plan.folder(f"render-{stack}")
        file = folder / "flat.py"
        count = write_flat(stack, file)
        ours = [str(SLIPWAY), "render", "--stack", stack, "--out", str(folder / "ours")]
        theirs = [sys.executable, "-m", "bench.programs.run_flat", str(file), stack, str(folder / "theirs")]
        # Once each without being counted: the modules are compiled and in the file cache then.
        for command in (ours, theirs):
            run(command, cwd=PROJECT)
        taken = alternate(
            {"slipway": lambda c=ours: run(c, cwd=PROJECT), "flat": lambda c=theirs: run(c, cwd=PROJECT)},
            plan.rounds,
            f"render {stack}",
        )
        against = f"a flat program of the same {count} resources, same monitor"
        rows += _rows(f"render {stack}", against, taken["slipway"], taken["flat"])
    return rows


def _rows(what: str, against: str, ours: list[Sample], theirs: list[Sample]) -> list[Row]:
    return [
        Row("render", f"{what}: wall", "s", [s.wall for s in ours], [s.wall for s in theirs], against, AIM),
        Row("render", f"{what}: CPU", "s", [s.cpu for s in ours], [s.cpu for s in theirs], against),
        Row("render", f"{what}: peak memory", "MiB", [s.peak for s in ours], [s.peak for s in theirs], against, AIM),
    ]
