"""Markers of the whole test suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "cluster: needs the embedded cluster (or KUBE_CONTEXT) to be up",
        "purge: removes the embedded cluster from the machine and looks for traces",
        "engine: needs Pulumi's own command line",
    ):
        config.addinivalue_line("markers", line)
