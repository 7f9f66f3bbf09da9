"""What a run loads: a stack without a cloud does not pay for that cloud's SDK, and settings know nothing of Pulumi."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ops.render.program import PROJECT_DIR
from tests.support import cases

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


HELP_MODULES = 300
"""`import pulumi` alone loads 450."""
HEAVY = {"pulumi", "pulumi_kubernetes", "pulumi_aws", "pulumi_gcp", "cryptography", "httpx", "ruamel", "yaml", "grpc"}


def loaded(script: str) -> set[str]:
    """All modules of a fresh interpreter after a script."""
    program = f"import json, sys\n{script}\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    environment = {key: text for key, text in os.environ.items() if key != "KUBE_CONTEXT"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        cwd=PROJECT_DIR,
        env={**environment, "PYTHONPATH": str(PROJECT_DIR)},
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_help_loads_little() -> None:
    modules = loaded("import ops.app")
    assert not HEAVY & {name.partition(".")[0] for name in modules}
    assert len(modules) <= HELP_MODULES


def test_a_stack_loads_only_the_sdks_of_its_clouds(
    stack: str, elsewhere: Callable[[str], tuple[Path, frozenset[str]]]
) -> None:
    packages = {resource.type.partition(":")[0] for resource in cases.resources(stack)}
    packages |= {r.type.rsplit(":", 1)[1] for r in cases.resources(stack) if r.is_provider}
    _, modules = elsewhere(stack)
    assert {"pulumi", "pulumi_kubernetes"} <= modules
    for package in ("aws", "gcp"):
        assert (f"pulumi_{package}" in modules) == (package in packages), package


def test_dev_needs_no_cloud(elsewhere: Callable[[str], tuple[Path, frozenset[str]]]) -> None:
    assert not {"pulumi_aws", "pulumi_gcp"} & elsewhere("dev")[1]


@pytest.mark.parametrize("module", ["stacks.settings", "stacks.stack_file", "components.versions"])
def test_plain_data_knows_nothing_of_pulumi(module: str) -> None:
    assert not {name for name in loaded(f"import {module}") if name.startswith("pulumi")}


def test_importing_the_program_has_no_effect() -> None:
    """No configuration, environment or cluster is asked when a module is loaded."""
    script = (
        "import os, pathlib, importlib, socket\n"
        "def refuse(*a, **k): raise SystemExit('network at import')\n"
        "socket.socket.connect = refuse\n"
        "os.environ.clear()\n"
        "for root in ('components/systems', 'components/workload', 'components/platform', 'stacks'):\n"
        "    for path in sorted(pathlib.Path(root).rglob('*.py')):\n"
        "        importlib.import_module('.'.join(path.with_suffix('').parts).removesuffix('.__init__'))\n"
    )
    assert "components" in loaded(script)
