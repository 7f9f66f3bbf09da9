"""The configuration campaign: generated stack files, hostile ones among them, are rendered or told, and nothing else.
`make test` takes a quick portion; the whole campaign of 2,600 files is `SLIPWAY_EXAMPLES=2600 pytest
tests/unit/program/test_settings_hostile.py --timeout 0`."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ops.render.program import PROJECT_DIR
from stacks.settings import Settings, SettingsError
from tests.support.hostile import CATEGORIES, StackFile, base_trees, look_at_refusal, outcome

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = int(os.environ.get("SLIPWAY_EXAMPLES", "260"))
SEED = 20260
RENDERED = max(3, EXAMPLES // 50)
"""How many of the accepted ones are rendered, twice each: rendering takes a second."""
TOLD = max(8, EXAMPLES // 40)
"""How many of the refused ones go through the command line as well."""
LIMIT_SECONDS = 5.0
"""Processor time of one file: longer counts as a hang."""


def files_of(directory: Path) -> dict[str, bytes]:
    """Every file below a directory with its content."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def made(seed: int) -> StackFile:
    """The file of a seed, the categories in turn."""
    return CATEGORIES[seed % len(CATEGORIES)](random.Random(seed), base_trees())  # noqa: S311 - no secret


@cache
def campaign(*, right: bool) -> list[StackFile]:
    """Right files, or all others."""
    return [file for seed in range(SEED, SEED + EXAMPLES) if (file := made(seed)).right == right]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project directory with something beside it that must stay as it is."""
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "Pulumi.yaml").write_bytes((PROJECT_DIR / "Pulumi.yaml").read_bytes())
    (tmp_path / "beside").write_text("untouched")
    return directory


def test_every_file_is_accepted_or_told(project: Path) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @seed(SEED)
    @given(number=st.integers(0, 2**32))
    def look(number: int) -> None:
        file = made(number)
        (project / "Pulumi.x.yaml").write_bytes(file.content)
        before = files_of(project.parent)
        start = time.process_time()
        first = outcome(project, file.content)
        assert time.process_time() - start < LIMIT_SECONDS, file.category
        second = outcome(project, file.content)
        if isinstance(first, SettingsError):
            look_at_refusal(first)
            assert str(first) == str(second)
            assert not file.right, str(first)
            assert set(file.wrong) <= {problem.path for problem in first.problems}
        else:
            assert first == second
            assert not file.wrong, file.category
        assert files_of(project.parent) == before

    look()


_RENDER = """
import json, pathlib, sys
from ops.render.files import write
from ops.render.program import render_config
from stacks.stack_file import read_stack_config
for name in json.loads(sys.argv[1]):
    config = read_stack_config(pathlib.Path(sys.argv[2]), name)
    write(render_config(config), pathlib.Path(sys.argv[3]) / name)
"""


def test_what_is_accepted_renders_to_the_same_bytes(project: Path, tmp_path: Path) -> None:
    """Two interpreters with other orders of hashes; everything lands below the directory that was named."""
    # Hostile files that are accepted are the interesting ones: half of the sample, where there are as many.
    hostile = [file for file in campaign(right=False) if isinstance(outcome(project, file.content), Settings)]
    chosen = [*hostile[: RENDERED // 2], *campaign(right=True)][:RENDERED]
    accepted = [f"s{number}" for number in range(len(chosen))]
    for name, file in zip(accepted, chosen, strict=True):
        (project / f"Pulumi.{name}.yaml").write_bytes(file.content)
    assert len(accepted) >= 3
    outputs: list[Path] = []
    for hash_seed in ("1", "4242"):
        outputs.append(tmp_path / f"out{hash_seed}")
        done = subprocess.run(
            [sys.executable, "-c", _RENDER, json.dumps(accepted), str(project), str(outputs[-1])],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(PROJECT_DIR)},
        )
        assert done.returncode == 0, done.stderr
    first, second = map(files_of, outputs)
    assert first == second
    assert {name.split("/")[0] for name in first} == set(accepted)
    assert {path.name for path in tmp_path.iterdir()} == {"project", "beside", "out1", "out4242"}


def test_the_command_line_tells_what_is_wrong(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback, the right exit code, and nothing written, whatever command reads the file."""
    from ops.app import app

    monkeypatch.setenv("SLIPWAY_PROJECT", str(project))
    for file in campaign(right=False)[:: max(1, EXAMPLES // TOLD)]:
        refused = isinstance(outcome(project, file.content), SettingsError)
        before = files_of(project.parent)
        render = ["render", "--stack", "x", "--out", str(project.parent / "out")]
        for command in (["config", "check", "--stack", "x"], *([render] if refused else [])):
            result = CliRunner().invoke(app, command)
            assert result.exit_code == int(refused), (file, result.output)
            assert "Traceback" not in result.output
            assert "unexpected" not in result.output, (file, result.output)
        assert files_of(project.parent) == before
