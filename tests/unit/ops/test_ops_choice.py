"""Which engine a run uses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.progress import Progress, SilentProgress
from ops.engines import choice
from ops.engines.choice import choose
from ops.errors import RefusedError


class Installer:
    """Counts how often the CLI would have been installed."""

    def __init__(self, reason: str | None) -> None:
        self.reason = reason
        self.calls = 0

    def __call__(self, _: Progress) -> str | None:
        self.calls += 1
        return self.reason


@pytest.fixture(autouse=True)
def _no_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_a_cli_on_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli = program(tmp_path / "bin" / "pulumi")
    monkeypatch.setenv("PATH", str(cli.parent))
    found = choose(None, SilentProgress(), install=Installer("never asked"))
    assert (found.engine, found.cli) == ("pulumi", cli)
    assert str(cli) in found.reason


def test_a_cli_in_the_home_directory_is_used(tmp_path: Path) -> None:
    cli = program(tmp_path / "home" / ".pulumi" / "bin" / "pulumi")
    assert choose(None, SilentProgress()).cli == cli


def test_helm_where_no_cli_can_be_had_and_the_reason_is_told() -> None:
    found = choose(None, SilentProgress(), install=Installer("get.pulumi.com cannot be reached (ConnectError)"))
    assert found.engine == "helm"
    assert "get.pulumi.com cannot be reached" in found.reason


def test_that_it_cannot_be_had_is_remembered_for_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    installer = Installer("unreachable")
    choose(None, SilentProgress(), install=installer)
    choose(None, SilentProgress(), install=installer)
    assert installer.calls == 1
    now = choice.time.time()
    monkeypatch.setattr(choice.time, "time", lambda: now + 25 * 3600)
    choose(None, SilentProgress(), install=installer)
    assert installer.calls == 2


@pytest.mark.parametrize("content", ["", "{}", '{"at": "x"}', "[]", '{"at": 99999999999, "reason": "future"}'])
def test_a_broken_memory_is_no_memory(content: str) -> None:
    installer = Installer("unreachable")
    choose(None, SilentProgress(), install=installer)
    choice.paths.cache().joinpath("pulumi", "unreachable.json").write_text(content, encoding="utf-8")
    choose(None, SilentProgress(), install=installer)
    assert installer.calls == 2


def test_another_sdk_asks_again() -> None:
    installer = Installer("unreachable")
    choose(None, SilentProgress(), install=installer)
    file = choice.paths.cache() / "pulumi" / "unreachable.json"
    entry = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**entry, "version": "0.0.1"}), encoding="utf-8")
    choose(None, SilentProgress(), install=installer)
    assert installer.calls == 2


def test_an_installed_cli_is_used() -> None:
    def install(_: Progress) -> None:
        program(choice.paths.cache() / "pulumi" / choice.sdk_version() / "bin" / "pulumi")

    found = choose(None, SilentProgress(), install=install)
    assert found.engine == "pulumi"
    assert found.cli is not None


def test_helm_when_asked_for_though_there_is_a_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(program(tmp_path / "bin" / "pulumi").parent))
    assert choose("helm", SilentProgress()).engine == "helm"
    monkeypatch.setenv("SLIPWAY_ENGINE", "helm")
    assert choose(None, SilentProgress()).engine == "helm"


def test_pulumi_asked_for_and_not_to_be_had_is_refused() -> None:
    with pytest.raises(RefusedError, match="use --engine helm"):
        choose("pulumi", SilentProgress(), install=Installer("unreachable"))


@pytest.mark.parametrize("value", ["terraform", "Helm", " "])
def test_an_unknown_engine_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RefusedError, match="must be one of auto, pulumi, helm"):
        choose(value, SilentProgress())
    monkeypatch.setenv("SLIPWAY_ENGINE", value)
    with pytest.raises(RefusedError, match="SLIPWAY_ENGINE = "):
        choose(None, SilentProgress())
