"""Each stack renders to exactly what is kept in tests/golden."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import cases, golden

if TYPE_CHECKING:
    from pathlib import Path


def test_stack_renders_to_its_golden_files(stack: str, tmp_path: Path) -> None:
    golden.check(stack, tmp_path)


def test_no_golden_files_of_stacks_that_are_gone() -> None:
    assert sorted(path.name for path in golden.DIRECTORY.iterdir()) == cases.stack_names()


def test_a_change_is_shown_as_a_diff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(golden.UPDATE, raising=False)
    monkeypatch.setattr(golden, "DIRECTORY", tmp_path / "golden")
    first, second = tmp_path / "first", tmp_path / "second"
    with pytest.raises(AssertionError, match="rendered/manifests"):
        golden.check("dev", first)
    monkeypatch.setenv(golden.UPDATE, "1")
    golden.check("dev", first)
    monkeypatch.delenv(golden.UPDATE)
    golden.check("dev", second)
    plan = tmp_path / "golden" / "dev" / "plan.json"
    plan.write_text(plan.read_text().replace('"stack": "dev"', '"stack": "prod"'))
    with pytest.raises(AssertionError) as caught:
        golden.check("dev", tmp_path / "third")
    assert '-  "stack": "prod"' in str(caught.value)
    assert '+  "stack": "dev"' in str(caught.value)
    assert "SLIPWAY_UPDATE_GOLDEN=1 pytest" in str(caught.value)


def test_ci_never_writes_golden_files() -> None:
    if os.environ.get("CI"):
        assert not os.environ.get(golden.UPDATE)
