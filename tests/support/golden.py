"""What each stack renders to, kept beside the tests. A change is shown as a diff and has to be meant:
`SLIPWAY_UPDATE_GOLDEN=1 pytest tests/unit/program/test_golden.py` writes them anew."""

from __future__ import annotations

import difflib
import os
import shutil
from pathlib import Path

from ops.render.files import write
from tests.support import cases

DIRECTORY = Path(__file__).resolve().parents[1] / "golden"
UPDATE = "SLIPWAY_UPDATE_GOLDEN"
_DIFF_LINES = 200


def contents(directory: Path) -> dict[str, str]:
    """All files below a directory: relative path to text."""
    return {
        path.relative_to(directory).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def difference(expected: dict[str, str], actual: dict[str, str]) -> str:
    """A unified diff over all files, empty where they are the same."""
    lines: list[str] = []
    for path in sorted({*expected, *actual}):
        before, after = expected.get(path), actual.get(path)
        if before != after:
            lines += difflib.unified_diff(
                (before or "").splitlines(),
                (after or "").splitlines(),
                f"kept/{path}" if before is not None else "/dev/null",
                f"rendered/{path}" if after is not None else "/dev/null",
                lineterm="",
            )
    more = [f"... and {len(lines) - _DIFF_LINES} lines more"] if len(lines) > _DIFF_LINES else []
    return "\n".join(lines[:_DIFF_LINES] + more)


def check(stack: str, scratch: Path) -> None:
    """Compare the render of a stack with its golden files, or write them where the environment says so."""
    write(cases.rendered(stack), scratch)
    kept = DIRECTORY / stack
    if os.environ.get(UPDATE):
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(scratch, kept)
        return
    diff = difference(contents(kept), contents(scratch))
    if diff:
        raise AssertionError(
            f"stack {stack} renders to something else than tests/golden/{stack}:\n{diff}\n"
            f"If this is meant: {UPDATE}=1 pytest tests/unit/program/test_golden.py, and review the diff."
        )
