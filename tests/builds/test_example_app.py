"""The app's own tests are JUnit tests, which each build of the image runs; here they run where Maven is installed."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from ops.render.program import PROJECT_DIR

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = PROJECT_DIR / "images" / "example-app"


@pytest.mark.skipif(
    shutil.which("mvn") is None or shutil.which("javac") is None,
    reason="needs Maven and a JDK; the image's build has them",
)
def test_the_app_passes_its_own_tests(tmp_path: Path) -> None:
    shutil.copytree(IMAGE, tmp_path / "app", ignore=shutil.ignore_patterns("target"))
    done = subprocess.run(
        ["mvn", "--batch-mode", "--quiet", "--strict-checksums", "--no-transfer-progress", "package"],
        cwd=tmp_path / "app",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if "Could not transfer artifact" in done.stdout:
        pytest.skip("Maven cannot reach its repository from here")
    assert done.returncode == 0, done.stdout[-4000:]
    reports = list((tmp_path / "app" / "target" / "surefire-reports").glob("TEST-*.xml"))
    assert {report.stem.rpartition(".")[2] for report in reports} == {
        "ConnectionPoolTest",
        "DriverTest",
        "RoutesTest",
        "SettingsTest",
    }
