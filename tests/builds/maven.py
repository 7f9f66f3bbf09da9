"""Builds an image's Maven project, with its own tests, outside the image."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from ops.render.program import PROJECT_DIR

if TYPE_CHECKING:
    from pathlib import Path


def package(image: str, directory: Path) -> Path:
    """Run `mvn package` and return its `target`; skips the test where Maven, a JDK or Maven's repository is missing."""
    if shutil.which("mvn") is None or shutil.which("javac") is None:
        pytest.skip("needs Maven and a JDK; the image's build has them")
    copy = directory / image
    shutil.copytree(PROJECT_DIR / "images" / image, copy, ignore=shutil.ignore_patterns("target"))
    done = subprocess.run(
        ["mvn", "--batch-mode", "--quiet", "--strict-checksums", "--no-transfer-progress", "package"],
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    if "Could not transfer artifact" in done.stdout:
        pytest.skip("Maven cannot reach its repository from here")
    assert done.returncode == 0, done.stdout[-4000:]
    return copy / "target"


def passed(target: Path) -> dict[str, int]:
    """How many tests each test class ran, none of which was skipped."""
    found: dict[str, int] = {}
    for report in (target / "surefire-reports").glob("*.txt"):
        line = re.search(r"Tests run: (\d+), Failures: 0, Errors: 0, Skipped: 0", report.read_text(encoding="utf-8"))
        assert line, report.read_text(encoding="utf-8")
        found[report.stem.rpartition(".")[2]] = int(line[1])
    return found
