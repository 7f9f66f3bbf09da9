"""What the builds of the Java images download is pinned."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from ops.render.program import PROJECT_DIR as ROOT

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = sorted(pom.parent for pom in (ROOT / "images").glob("*/pom.xml"))
POM = "{http://maven.apache.org/POM/4.0.0}"


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_every_version_is_exact(image: Path) -> None:
    pom = ET.parse(image / "pom.xml")  # noqa: S314 - a file of this repository
    things = [*pom.iter(f"{POM}dependency"), *pom.iter(f"{POM}plugin")]
    assert len(things) >= 7
    for thing in things:
        version = thing.findtext(f"{POM}version", "")
        assert re.fullmatch(r"\d+(\.\d+)+|\$\{[a-z-]+\.version\}", version), thing.findtext(f"{POM}artifactId")


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_the_packaged_libraries_are_pinned_by_hash(image: Path) -> None:
    lines = (image / "dependencies.sha256").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[0-9a-f]{64}  [\w.-]+\.jar", line) for line in lines)
    names = [line[66:] for line in lines]
    assert names == sorted(set(names))
    known = {"example-app": "mariadb-java-client-", "h2": "h2-", "web-server": "gridstore-jdbc-"}
    assert any(name.startswith(known[image.name]) for name in names)
    # The SQL of both must be what both understand: they are tried in the same version.
    if image.name != "example-app":
        assert "h2-2.3.232.jar" in names
