"""Our own Go programs: their tests and vet. Not among the unit tests, because here the build caches are warm."""

from __future__ import annotations

import subprocess

import pytest

from local import golang, paths
from local.progress import SilentProgress

pytestmark = pytest.mark.cluster
OWN = ("coredns", "cri", "loadbalancer", "pause")


def go(module: str, *arguments: str) -> str:
    """Run Go in a program's directory; what it said."""
    directory = paths.module_dir(module)
    program = golang.go_command(directory, SilentProgress())
    done = subprocess.run(
        [str(program), *arguments],
        cwd=directory,
        env=golang.go_environment(program),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("module", OWN)
def test_own_programs_pass_their_tests_and_vet(module: str) -> None:
    go(module, "vet", "./...")
    said = go(module, "test", "-v", "./...")
    assert ("--- PASS: TestARestartForgetsNothing" in said) == (module == "loadbalancer")
