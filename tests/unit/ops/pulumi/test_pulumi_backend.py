"""Where Pulumi's engine works: its own state beside a private passphrase, or a shared backend with the stack's key."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
import yaml

from local.progress import SilentProgress
from ops.engines.workspace import place
from ops.stack import load

if TYPE_CHECKING:
    from pathlib import Path

    from ops.stack import Stack

KEY = "awskms://alias/slipway?region=ap-northeast-1"


@pytest.fixture
def stack(project: Path) -> Stack:
    assert project.is_dir()
    return load("dev", SilentProgress())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_its_own_state_is_private_and_the_passphrase_stays_the_same(stack: Stack, tmp_path: Path) -> None:
    found = place(stack)
    home = tmp_path / "data" / "slipway"
    assert found.own_state == home / "state"
    assert found.directory == home / "work" / "dev"
    assert found.environment["PULUMI_BACKEND_URL"] == (home / "state").as_uri() + "?metadata=skip"
    passphrase = home / "passphrase"
    assert found.environment["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(passphrase)
    # A passphrase of the shell would be another one.
    assert found.drop == ("PULUMI_CONFIG_PASSPHRASE",)
    assert (mode(passphrase), mode(home / "state")) == (0o600, 0o700)
    text = passphrase.read_text(encoding="ascii")
    assert len(text) >= 32
    passphrase.chmod(0o644)
    place(stack)
    assert (passphrase.read_text(encoding="ascii"), mode(passphrase)) == (text, 0o600)


def test_the_salt_that_pulumi_writes_stays_there_and_out_of_the_project(stack: Stack) -> None:
    work = place(stack).directory / "Pulumi.dev.yaml"
    written = yaml.safe_load(work.read_text(encoding="utf-8"))
    work.write_text(yaml.safe_dump({**written, "encryptionsalt": "v1:salt"}), encoding="utf-8")
    place(stack)
    again = yaml.safe_load(work.read_text(encoding="utf-8"))
    assert again == {**written, "encryptionsalt": "v1:salt"}
    assert "encryptionsalt" not in (stack.directory / "Pulumi.dev.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("by", ["variable", "project"])
def test_a_shared_backend_works_in_the_project_with_the_key_of_the_stack_file(
    by: str, stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = "s3://state.example.com?region=ap-northeast-1"
    if by == "variable":
        monkeypatch.setenv("PULUMI_BACKEND_URL", url)
    else:
        file = stack.directory / "Pulumi.yaml"
        project = yaml.safe_load(file.read_text(encoding="utf-8"))
        file.write_text(yaml.safe_dump({**project, "backend": {"url": url}}), encoding="utf-8")
    found = place(stack)
    assert (found.own_state, found.directory, found.secrets_provider) == (None, stack.directory, None)
    file = stack.directory / "Pulumi.dev.yaml"
    file.write_text(f"secretsprovider: {KEY}\n{file.read_text(encoding='utf-8')}", encoding="utf-8")
    found = place(stack)
    assert (found.own_state, found.directory, found.secrets_provider) == (None, stack.directory, KEY)
    # Nothing of ours reaches Pulumi: the shell's passphrase, if any, is the backend's.
    assert found.drop == ()
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in found.environment
    assert not (tmp_path / "data" / "slipway" / "passphrase").exists()
