from __future__ import annotations

import os
from pathlib import Path

import pytest

from local.errors import LocalError
from local.images import goprogram
from local.images.goprogram import GoProgram
from local.progress import Progress, SilentProgress

GO_MOD = """module example.com/image

go 1.26.0

tool example.com/server/cmd/server

require example.com/server v1.2.3

require (
\texample.com/server/cmd/other v0.9.0 // indirect
\tgithub.com/x/y v1.0.0 // indirect
)
"""
PROGRAM = GoProgram(package="example.com/server/cmd/server", tags=("small",), stamp="main.version")


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An image's directory, and a `go` that writes down how it was called."""
    directory = tmp_path / "image"
    directory.mkdir()
    (directory / "go.mod").write_text(GO_MOD, encoding="utf-8")
    (directory / "go.sum").write_text("", encoding="utf-8")
    fake = tmp_path / "go"
    fake.write_text(
        '#!/bin/sh\necho "$@" >> "$CALLS"\nwhile [ "$1" != -o ]; do shift; done\necho "$@" > "$2"\n', encoding="utf-8"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))

    def go_command(_module: Path, _progress: Progress) -> Path:
        return fake

    monkeypatch.setattr(goprogram, "go_command", go_command)
    return directory


def calls() -> list[str]:
    return Path(os.environ["CALLS"]).read_text(encoding="utf-8").splitlines()


def test_a_program_is_built_once_per_pin_with_its_tags_and_version(module: Path) -> None:
    built = goprogram.build(PROGRAM, module, SilentProgress())
    assert built.name == "server"
    assert built.parent.name.startswith("v1.2.3-")
    assert "-tags small -ldflags -s -w -X main.version=1.2.3 -o " in calls()[0]
    assert goprogram.build(PROGRAM, module, SilentProgress()) == built
    assert len(calls()) == 1
    (module / "go.sum").write_text("changed", encoding="utf-8")
    assert goprogram.build(PROGRAM, module, SilentProgress()) != built
    assert goprogram.build(PROGRAM.model_copy(update={"tags": ()}), module, SilentProgress()) != built
    assert len(calls()) == 3


def test_a_package_that_no_requirement_has_is_named(module: Path) -> None:
    with pytest.raises(LocalError, match=r"requires no module that example\.com/elsewhere/cmd is in"):
        goprogram.build(GoProgram(package="example.com/elsewhere/cmd"), module, SilentProgress())
