"""Counts that decide how long a command takes: what it loads, and how often it starts kubectl."""

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
from tests.support.programs import FakeProgram

if TYPE_CHECKING:
    from pathlib import Path

HELP_MODULES = 300
"""`import pulumi` alone loads 450."""
HEAVY = {"pulumi", "pulumi_kubernetes", "pulumi_aws", "pulumi_gcp", "cryptography", "httpx", "ruamel", "yaml", "grpc"}
STACK = """\
config:
  slipway:clusters: {local: {kind: existing, context: test, nodeAddress: 127.0.0.1}}
  slipway:apps: {h2o-example: {cluster: local, replicas: 2, revision: "1", nodePort: 30080}}
"""
_LOADED = "\nimport json, sys\nprint('\\n' + json.dumps(sorted(sys.modules)))"


def loaded(script: str, **environment: str) -> set[str]:
    """All modules of a fresh interpreter after a script."""
    done = subprocess.run(
        [sys.executable, "-c", script + _LOADED],
        check=True,
        capture_output=True,
        text=True,
        cwd=PROJECT_DIR,
        env={**os.environ, "PYTHONPATH": str(PROJECT_DIR), **environment},
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_help_loads_little() -> None:
    modules = loaded("import ops.app")
    assert not HEAVY & {name.partition(".")[0] for name in modules}
    assert len(modules) <= HELP_MODULES


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small stack on a cluster that a stand-in for kubectl plays."""
    directory = tmp_path / "project"
    directory.mkdir()
    for name in ("Pulumi.yaml", "__main__.py"):
        (directory / name).write_bytes((PROJECT_DIR / name).read_bytes())
    (directory / "Pulumi.small.yaml").write_text(STACK)
    monkeypatch.setenv("SLIPWAY_PROJECT", str(directory))
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
    return directory


@pytest.mark.usefixtures("project")
def test_the_second_status_loads_no_sdk_and_asks_once(tmp_path: Path) -> None:
    kubectl = FakeProgram(tmp_path, "kubectl")
    kubectl.on("get", [])
    script = (
        "import sys\nfrom ops.cli import main\nsys.argv = ['slipway', 'status', '--stack', 'small', '--json']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )
    first = loaded(script, SLIPWAY_KUBECTL=str(kubectl.path))
    asked = len(kubectl.calls)
    second = loaded(script, SLIPWAY_KUBECTL=str(kubectl.path))
    assert "pulumi_kubernetes" in first
    assert not {"pulumi", "pulumi_kubernetes", "grpc"} & {name.partition(".")[0] for name in second}
    assert asked == len(kubectl.calls) - asked == 1


@pytest.mark.parametrize("stack", cases.stack_names())
def test_the_flat_program_of_the_benchmark_is_the_same_work(stack: str, tmp_path: Path) -> None:
    ours = record(cases.case(stack))
    file = tmp_path / "flat.py"
    file.write_text(flat.source(ours), encoding="utf-8")
    assert same_resources(ours, run_flat.record(file, stack)) == []
    assert "class " not in file.read_text()
