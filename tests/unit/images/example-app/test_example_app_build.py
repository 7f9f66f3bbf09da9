"""The app's own tests are JUnit tests, which each build of the image runs; here they run where Maven is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from tests.unit.images.running import ROOT

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = ROOT / "images" / "example-app"
POM = "{http://maven.apache.org/POM/4.0.0}"


def test_every_version_is_exact() -> None:
    pom = ET.parse(IMAGE / "pom.xml")  # noqa: S314 - a file of this repository
    things = [*pom.iter(f"{POM}dependency"), *pom.iter(f"{POM}plugin")]
    assert len(things) >= 9
    for thing in things:
        version = thing.findtext(f"{POM}version", "")
        assert re.fullmatch(r"\d+(\.\d+)+|\$\{[a-z-]+\.version\}", version), thing.findtext(f"{POM}artifactId")


def test_the_packaged_libraries_are_pinned_by_hash() -> None:
    lines = (IMAGE / "dependencies.sha256").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[0-9a-f]{64}  [\w.-]+\.jar", line) for line in lines)
    names = [line[66:] for line in lines]
    assert names == sorted(set(names))
    assert {"pekko-http_2.13-1.1.0.jar", "mariadb-java-client-3.5.1.jar"} <= set(names)


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
