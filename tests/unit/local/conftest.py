"""Fixtures of the embedded cluster's unit tests: nothing here needs root, a network or a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache directory."""
    path = tmp_path / "cache"
    monkeypatch.setenv("SLIPWAY_CACHE", str(path))
    return path
