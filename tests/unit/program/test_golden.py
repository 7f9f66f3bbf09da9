"""Each stack renders to exactly what is kept in tests/golden."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.support import cases, golden

if TYPE_CHECKING:
    from pathlib import Path


def test_stack_renders_to_its_golden_files(stack: str, tmp_path: Path) -> None:
    golden.check(stack, tmp_path)


def test_no_golden_files_of_stacks_that_are_gone() -> None:
    assert sorted(path.name for path in golden.DIRECTORY.iterdir()) == cases.stack_names()


def test_ci_never_writes_golden_files() -> None:
    if os.environ.get("CI"):
        assert not os.environ.get(golden.UPDATE)
