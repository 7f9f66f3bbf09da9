"""What the app's build downloads is pinned."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from tests.unit.images.running import ROOT

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
