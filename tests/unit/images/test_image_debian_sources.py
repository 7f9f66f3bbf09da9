"""Where the base image's packages come from."""

from __future__ import annotations

import pytest

from local.images import debian_sources
from local.images.debian_sources import MIRROR_VARIABLE, sources_of

APT = """bookworm https://mirror.example.com/debian/
bookworm-updates https://mirror.example.com/debian/
bookworm https://other.example.com/debian/
bookworm-security https://mirror.example.com/security/
nodistro https://vendor.example.com/
"""


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    monkeypatch.setattr(debian_sources.shutil, "which", lambda _: "/usr/bin/apt-get")  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType] - any name
    monkeypatch.setattr(debian_sources, "run", lambda *_: APT)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType] - any command


def test_the_machines_own_mirrors_are_used() -> None:
    assert sources_of("bookworm") == (
        "deb https://mirror.example.com/debian bookworm main",
        "deb https://mirror.example.com/debian bookworm-updates main",
        "deb https://mirror.example.com/security bookworm-security main",
    )


def test_another_release_or_distribution_has_none() -> None:
    assert sources_of("trixie") == ()


def test_a_machine_without_apt_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian_sources.shutil, "which", lambda _: None)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType] - any name
    assert sources_of("bookworm") == ()


def test_a_named_mirror_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, "http://127.0.0.1:8081/debian/")
    assert sources_of("bookworm") == (
        "deb http://127.0.0.1:8081/debian bookworm main",
        "deb http://127.0.0.1:8081/debian bookworm-updates main",
        "deb http://127.0.0.1:8081/debian-security bookworm-security main",
    )
