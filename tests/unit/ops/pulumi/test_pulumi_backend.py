"""Where Pulumi keeps the state: our own files beside a private passphrase, or a shared backend with the stack's key."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest
import yaml

from ops.errors import OpsError
from ops.pulumi.backend import Backend, backend, backend_url, file_url, sweep, with_secrets_of

if TYPE_CHECKING:
    from pathlib import Path

    from ops.stack import Stack
    from tests.support.programs import FakeProgram

KEY = "awskms://alias/slipway?region=ap-northeast-1"


@pytest.fixture
def stack(dev: Stack) -> Stack:
    return dev


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_our_own_state_is_private_and_the_passphrase_stays_the_same(stack: Stack, tmp_path: Path) -> None:
    found = backend(stack)
    home = tmp_path / "data" / "slipway"
    assert found.own == home / "state"
    assert found.directory == home / "work" / "dev"
    assert found.environment["PULUMI_BACKEND_URL"] == found.url == (home / "state").as_uri() + "?metadata=skip"
    passphrase = home / "passphrase"
    assert found.environment["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(passphrase)
    # A passphrase of the shell would be another one.
    assert found.drop == ("PULUMI_CONFIG_PASSPHRASE",)
    assert (mode(passphrase), mode(home / "state")) == (0o600, 0o700)
    text = passphrase.read_text(encoding="ascii")
    assert len(text) >= 32
    passphrase.chmod(0o644)
    backend(stack)
    assert (passphrase.read_text(encoding="ascii"), mode(passphrase)) == (text, 0o600)


def test_the_salt_that_pulumi_writes_stays_there_and_out_of_the_project(stack: Stack) -> None:
    work = backend(stack).directory / "Pulumi.dev.yaml"
    work.write_text(f"{work.read_text(encoding='utf-8')}encryptionsalt: v1:salt\n", encoding="utf-8")
    project = stack.directory / "Pulumi.dev.yaml"
    project.write_text(f"{project.read_text(encoding='utf-8')}# one more line\n", encoding="utf-8")
    before = project.read_text(encoding="utf-8")
    backend(stack)
    assert work.read_text(encoding="utf-8") == f"{before.rstrip()}\nencryptionsalt: v1:salt\n"
    assert project.read_text(encoding="utf-8") == before


SETTINGS = """\
# What it is about.
encryptionsalt: v1:another-machines
config:
  slipway:apps:   # as written
    h2o-example: {revision: 0123456, image: no}
"""
PLAIN = SETTINGS.replace("encryptionsalt: v1:another-machines\n", "")
OURS = "config: {}\nencryptionsalt: v1:ours\n"


def test_a_stack_files_text_stays_text() -> None:
    """Read as YAML and written again, the revision would be a number and the image `False`."""
    assert with_secrets_of(SETTINGS, "") == PLAIN
    assert with_secrets_of(PLAIN, "") == PLAIN
    assert with_secrets_of(SETTINGS, OURS) == f"{PLAIN}encryptionsalt: v1:ours\n"
    assert with_secrets_of("", "") == "\n"
    keyed = f"secretsprovider: {KEY}\nencryptedkey: abc\n{PLAIN}"
    assert with_secrets_of(keyed, "encryptedkey: ours") == f"secretsprovider: {KEY}\n{PLAIN}encryptedkey: ours\n"


def test_the_key_that_values_of_the_file_are_encrypted_by_stays() -> None:
    secret = f"{SETTINGS}  slipway:token:\n    secure: v1:abc\n"
    assert with_secrets_of(secret, "") == secret
    assert "v1:ours" in with_secrets_of(secret, OURS)


def test_the_projects_runtime_may_be_its_name_alone(stack: Stack) -> None:
    file = stack.directory / "Pulumi.yaml"
    project = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump({**project, "runtime": "python"}), encoding="utf-8")
    written = yaml.safe_load((backend(stack).directory / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert written["runtime"]["name"] == "python"


def test_the_project_can_be_run_from_the_working_directory(stack: Stack) -> None:
    project = yaml.safe_load((backend(stack).directory / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert project["main"] == str(stack.program)
    assert project["runtime"]["options"]["virtualenv"] == str(stack.program / ".venv")


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
    assert backend(stack) == Backend(url, stack.directory)
    file = stack.directory / "Pulumi.dev.yaml"
    file.write_text(f"secretsprovider: {KEY}\n{file.read_text(encoding='utf-8')}", encoding="utf-8")
    # Nothing of ours reaches Pulumi: the shell's passphrase, if any, is the backend's.
    assert backend(stack) == Backend(url, stack.directory, secrets_provider=KEY)
    assert not (tmp_path / "data" / "slipway" / "passphrase").exists()


def test_somebody_who_is_logged_in_is_asked_for_other_stacks_than_dev(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    own = file_url(tmp_path / "data" / "slipway" / "state")
    assert backend_url(project, "prod") == own
    (tmp_path / "home").mkdir()
    credentials = tmp_path / "home" / "credentials.json"
    credentials.write_text("{", encoding="utf-8")
    assert backend_url(project, "prod") == own
    credentials.write_text(json.dumps({"current": "https://api.pulumi.com"}), encoding="utf-8")
    assert (backend_url(project, "prod"), backend_url(project, "dev")) == ("", own)


def test_several_kubeconfigs_become_one(
    stack: Stack, tmp_path: Path, fake_kubectl: FakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unlike kubectl, Pulumi's provider takes no list of files."""
    fake_kubectl.on("config view --flatten --raw", "kind: Config\n")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "one"))
    assert "KUBECONFIG" not in backend(stack).environment
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join((str(tmp_path / "one"), str(tmp_path / "two"))))
    merged = tmp_path / "data" / "slipway" / "kubeconfig"
    assert backend(stack).environment["KUBECONFIG"] == str(merged)
    assert (merged.read_text(encoding="utf-8"), mode(merged)) == ("kind: Config\n", 0o600)
    fake_kubectl.on("config view", err="error loading config file: yaml: line 1", code=1)
    with pytest.raises(OpsError, match=r"KUBECONFIG = .*two cannot be read: error loading config file"):
        backend(stack)


def test_a_lock_of_our_own_backend_is_seen(stack: Stack) -> None:
    found = backend(stack)
    assert found.own is not None
    locks = found.own / ".pulumi" / "locks" / "organization" / "slipway"
    assert not found.has_lock("slipway", "dev")
    (locks / "dev").mkdir(parents=True)
    assert not found.has_lock("slipway", "dev")
    (locks / "dev" / "x.json").touch()
    assert found.has_lock("slipway", "dev")
    assert not found.has_lock("slipway", "prod")
    assert not Backend("s3://b", found.directory).has_lock("slipway", "dev")


def test_empty_metadata_is_taken_away_and_all_else_stays(tmp_path: Path) -> None:
    """What keeps Pulumi from reading a state that an older version wrote when it was killed."""
    stacks = tmp_path / ".pulumi" / "stacks" / "slipway"
    stacks.mkdir(parents=True)
    for name, text in {"dev.json": "{}", "dev.json.attrs": "", "prod.json": "", "prod.json.attrs": "{}"}.items():
        (stacks / name).write_text(text, encoding="utf-8")
    sweep(tmp_path)
    assert sorted(file.name for file in stacks.iterdir()) == ["dev.json", "prod.json", "prod.json.attrs"]
    sweep(tmp_path / "missing")
