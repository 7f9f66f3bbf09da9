"""Our own Go programs: their tests and vet. Not among the unit tests, because here the build caches are warm."""

from __future__ import annotations

import subprocess

import pytest

from local import golang, paths
from local.progress import SilentProgress

pytestmark = pytest.mark.cluster
OWN = ("coredns", "cri", "loadbalancer", "pause")


def go(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    directory = paths.module_dir(module)
    program = golang.go_command(directory, SilentProgress())
    return subprocess.run(
        [str(program), *arguments],
        cwd=directory,
        env=golang.go_environment(program),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("module", OWN)
def test_own_programs_pass_their_tests_and_vet(module: str) -> None:
    for arguments in (("vet", "./..."), ("test", "./...")):
        result = go(module, *arguments)
        assert result.returncode == 0, result.stdout + result.stderr


def test_the_pool_has_tests_and_they_ran() -> None:
    result = go("loadbalancer", "test", "-count=1", "-v", "-run", "TestARestartForgetsNothing", ".")
    assert "--- PASS: TestARestartForgetsNothing" in result.stdout
