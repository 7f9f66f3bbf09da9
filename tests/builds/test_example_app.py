"""The app's own tests are JUnit tests, which each build of the image runs; here they run where Maven is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.builds import maven

if TYPE_CHECKING:
    from pathlib import Path


def test_the_app_passes_its_own_tests(tmp_path: Path) -> None:
    ran = maven.passed(maven.package("example-app", tmp_path))
    assert set(ran) == {"ConnectionPoolTest", "DriverTest", "RoutesTest", "SettingsTest"}
    assert all(ran.values())
