"""Counts that decide how long a command takes: what it loads, and how much it registers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bench.parts.render import same_resources
from bench.programs import flat, run_flat
from ops.render.program import PROJECT_DIR, record
from tests.support import cases

if TYPE_CHECKING:
    from pathlib import Path

HELP_MODULES = 300
"""`import pulumi` alone loads 450."""
HEAVY = {"pulumi", "pulumi_kubernetes", "pulumi_aws", "pulumi_gcp", "cryptography", "httpx", "ruamel", "yaml", "grpc"}
_LOADED = "\nimport json, sys\nprint('\\n' + json.dumps(sorted(sys.modules)))"


def loaded(script: str) -> set[str]:
    """All modules of a fresh interpreter after a script."""
    done = subprocess.run(
        [sys.executable, "-c", script + _LOADED],
        check=True,
        capture_output=True,
        text=True,
        cwd=PROJECT_DIR,
        env={**os.environ, "PYTHONPATH": str(PROJECT_DIR)},
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_help_loads_little() -> None:
    modules = loaded("import ops.app")
    assert not HEAVY & {name.partition(".")[0] for name in modules}
    assert len(modules) <= HELP_MODULES


@pytest.mark.parametrize("stack", cases.stack_names())
def test_the_flat_program_of_the_benchmark_is_the_same_work(stack: str, tmp_path: Path) -> None:
    ours = record(cases.case(stack))
    file = tmp_path / "flat.py"
    file.write_text(flat.source(ours), encoding="utf-8")
    assert same_resources(ours, run_flat.record(file, stack)) == []
    assert "class " not in file.read_text()
