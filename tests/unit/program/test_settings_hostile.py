"""The configuration campaign: generated stack files, hostile ones among them, are rendered or told, and nothing else.
`make test` takes a quick portion; the whole campaign of 2,600 files is `SLIPWAY_EXAMPLES=2600 pytest
tests/unit/program/test_settings_hostile.py --timeout 0 -rP`."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ops.render.program import PROJECT_DIR
from stacks.settings import SettingsError, parse
from stacks.stack_file import read_stack_config
from tests.support.hostile import CATEGORIES, StackFile, base_trees

if TYPE_CHECKING:
    from pathlib import Path

    from stacks.settings import Settings

EXAMPLES = int(os.environ.get("SLIPWAY_EXAMPLES", "260"))
SEED = 20260
RENDERED = max(3, EXAMPLES // 50)
"""How many of the accepted ones are rendered, twice each: rendering takes a second."""
TOLD = max(8, EXAMPLES // 40)
"""How many of the refused ones go through the command line as well."""
LIMIT_SECONDS = 5.0
"""Processor time of one file: longer counts as a hang."""


def outcome(directory: Path) -> Settings | SettingsError:
    """What comes of the file; any other exception is a failure."""
    try:
        config = read_stack_config(directory, "x")
        return parse(config.values, project=config.project, source=config.source)
    except SettingsError as error:
        return error


def files_of(directory: Path) -> dict[str, bytes]:
    """Every file below a directory with its content."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def look_at_refusal(file: StackFile, error: SettingsError) -> None:
    """A refusal names every planted key, can be printed, and says what would be right."""
    assert error.problems
    assert all(line.isprintable() for line in str(error).splitlines())
    assert "Traceback" not in str(error)
    told = {problem.path for problem in error.problems}
    for problem in error.problems:
        assert problem.remedy.strip()
        assert len(problem.value or "") <= 200
        assert len(problem.path) <= 1000
        assert len(problem.remedy) <= 1000
    missing = [path for path in file.wrong if path not in told]
    assert not missing, (missing, sorted(told))


def made(seed: int) -> StackFile:
    """The file of a seed, the categories in turn."""
    return CATEGORIES[seed % len(CATEGORIES)](random.Random(seed), base_trees())  # noqa: S311 - no secret


@pytest.fixture(scope="module")
def campaign() -> list[tuple[int, StackFile]]:
    """Files with the seed of each."""
    return [(seed, made(seed)) for seed in range(SEED, SEED + EXAMPLES)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project directory with something beside it that must stay as it is."""
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "Pulumi.yaml").write_bytes((PROJECT_DIR / "Pulumi.yaml").read_bytes())
    (tmp_path / "beside").write_text("untouched")
    return directory


def test_every_file_is_accepted_or_told(project: Path) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    longest = [0.0]

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @seed(SEED)
    @given(number=st.integers(0, 2**32))
    def look(number: int) -> None:
        file = made(number)
        (project / "Pulumi.x.yaml").write_bytes(file.content)
        before = files_of(project.parent)
        start = time.process_time()
        first = outcome(project)
        longest[0] = max(longest[0], taken := time.process_time() - start)
        assert taken < LIMIT_SECONDS, file.category
        second = outcome(project)
        if isinstance(first, SettingsError):
            look_at_refusal(file, first)
            assert str(first) == str(second)
            assert not file.right, str(first)
        else:
            assert first == second
            assert not file.wrong, file.category
        assert files_of(project.parent) == before
        counts[file.category, "refused" if isinstance(first, SettingsError) else "accepted"] += 1

    look()
    for (category, what), count in sorted(counts.items()):
        print(f"{category}: {count} {what}")
    print(f"{sum(counts.values())} files; longest: {longest[0]:.2f} s of processor time")


_RENDER = """
import json, pathlib, sys
from ops.render.files import write
from ops.render.program import render_config
from stacks.stack_file import read_stack_config
for name in json.loads(sys.argv[1]):
    config = read_stack_config(pathlib.Path(sys.argv[2]), name)
    write(render_config(config), pathlib.Path(sys.argv[3]) / name)
"""


def test_what_is_accepted_renders_to_the_same_bytes(
    campaign: list[tuple[int, StackFile]], project: Path, tmp_path: Path
) -> None:
    """Two interpreters with other orders of hashes; everything lands below the directory that was named."""
    accepted: list[str] = []
    # Hostile files that are accepted are the interesting ones: at most half of the sample is right by design.
    ordered = sorted(campaign, key=lambda entry: entry[1].right)
    for number, file in ordered:
        if len(accepted) == RENDERED or (file.right and len(accepted) >= RENDERED // 2 + RENDERED % 2):
            continue
        (project / "Pulumi.x.yaml").write_bytes(file.content)
        if isinstance(outcome(project), SettingsError):
            continue
        (project / f"Pulumi.s{number}.yaml").write_bytes(file.content)
        accepted.append(f"s{number}")
    for number, file in [entry for entry in campaign if entry[1].right][: RENDERED - len(accepted)]:
        (project / f"Pulumi.s{number}.yaml").write_bytes(file.content)
        accepted.append(f"s{number}")
    assert len(accepted) >= min(RENDERED, 3)
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
        assert done.returncode == 0, (accepted, done.stderr)
    first, second = map(files_of, outputs)
    assert first == second
    assert {name.split("/")[0] for name in first} == set(accepted)
    assert {path.name for path in tmp_path.iterdir()} == {"project", "beside", "out1", "out4242"}
    print(f"rendered twice: {len(accepted)}")


def test_the_command_line_tells_what_is_wrong(
    campaign: list[tuple[int, StackFile]], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback, the right exit code, and nothing written, whatever command reads the file."""
    from ops.app import app

    monkeypatch.setenv("SLIPWAY_PROJECT", str(project))
    runner = CliRunner()
    picked = [entry for entry in campaign if not entry[1].right][:: max(1, EXAMPLES // TOLD)]
    for number, file in picked:
        (project / "Pulumi.x.yaml").write_bytes(file.content)
        refused = isinstance(outcome(project), SettingsError)
        before = files_of(project.parent)
        commands = [["config", "check", "--stack", "x"]]
        if refused:
            commands.append(["render", "--stack", "x", "--out", str(project.parent / "out")])
        for command in commands:
            result = runner.invoke(app, command)
            text = result.output
            assert result.exit_code == int(refused), (number, file.category, text)
            assert "Traceback" not in text
            assert "unexpected" not in text, (number, file.category, text)
        assert files_of(project.parent) == before
    print(f"through the command line: {len(picked)}")
