"""`make soak` ends when its time is up, whatever is left to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from ops.render.program import PROJECT_DIR
from tests.support import soak

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose Python only says what it was asked."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(PROJECT_DIR / "scripts" / "soak.sh", tmp_path / "scripts")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$SLIPWAY_TEST_SOAK $SLIPWAY_TEST_DEADLINE $*"\n', encoding="utf-8")
    python.chmod(0o755)
    return tmp_path


def run(clone: Path, *arguments: str, **variables: str) -> tuple[str, float, str]:
    command = [str(clone / "scripts" / "soak.sh"), *arguments]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SLIPWAY_")}
    done = subprocess.run(command, env={**kept, **variables}, capture_output=True, text=True, check=True)
    switch, deadline, words = done.stdout.strip().split(" ", 2)
    return switch, float(deadline), words


def test_the_long_half_has_thirty_minutes_and_begins_nothing_in_the_last_three(clone: Path) -> None:
    switch, deadline, words = run(clone)
    assert switch == "1"
    assert deadline == pytest.approx(time.time() + 27 * 60, abs=10)
    folders, picked = words.removeprefix("-m pytest ").split(" -m ")
    assert picked == "soak or slow or repeated"
    folders = folders.split()
    assert folders
    assert all((PROJECT_DIR / folder).exists() for folder in folders), folders


def test_the_time_and_the_tests_can_be_chosen(clone: Path) -> None:
    _, deadline, words = run(clone, "-k", "reboot", SLIPWAY_SOAK_MINUTES="10")
    assert deadline == pytest.approx(time.time() + 7 * 60, abs=10)
    assert words == "-m pytest -k reboot"


def test_no_test_begins_after_the_end(tmp_path: Path) -> None:
    (tmp_path / "test_late.py").write_text("def test_late():\n    raise AssertionError\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "tests.conftest", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=PROJECT_DIR,
        env={**os.environ, "SLIPWAY_TEST_DEADLINE": "1", "PYTHONPATH": str(PROJECT_DIR)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 skipped" in done.stdout
    assert "the soak's time is up" in done.stdout


def test_it_is_over_when_its_end_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "_DEADLINE", time.time() + 100)
    assert not soak.over()
    monkeypatch.setattr(soak, "_DEADLINE", time.time() - 1)
    assert soak.over()
