"""Fixtures of the program's unit tests: the cases that sweeping tests run over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session", autouse=True)
def _plain_environment() -> Iterator[None]:
    """What is set on a developer's machine must not change what the stacks render to."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("KUBE_CONTEXT", "KUBECONFIG", "PULUMI_CONFIG", "PULUMI_CONFIG_SECRET_KEYS"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, frozenset[str]]]:
    """Renders a stack in a process of its own, once: the files, and the modules that were loaded."""
    root = tmp_path_factory.mktemp("elsewhere")

    def render(stack: str) -> tuple[Path, frozenset[str]]:
        directory = root / stack
        directory.mkdir(exist_ok=True)
        return directory, cases.fresh_process(stack, directory)

    return render


@pytest.fixture(params=cases.case_names())
def case(request: pytest.FixtureRequest) -> str:
    """The name of each stack, and of each variant of dev."""
    return request.param


@pytest.fixture(params=cases.stack_names())
def stack(request: pytest.FixtureRequest) -> str:
    """The name of each stack that has a file."""
    return request.param
