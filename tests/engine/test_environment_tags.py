"""Environments in a shared backend, asked by Pulumi's own command line from two machines; no cluster is needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from local.progress import SilentProgress
from ops.environments.known import Known, Made, Tags
from ops.environments.names import now
from ops.errors import OpsError, RefusedError
from ops.pulumi import cli
from ops.render.program import PROJECT_DIR
from ops.render.result import Rendered
from ops.stack import Stack

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.engine


def stack(project: Path, name: str) -> Stack:
    return Stack(name, project, Rendered(name, "slipway", {"resources": []}, {}, {}, [], {}), SilentProgress())


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "backend").mkdir()
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}/backend?metadata=skip")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "of the tests")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "Pulumi.yaml").write_bytes((PROJECT_DIR / "Pulumi.yaml").read_bytes())
    return directory


def test_tags_are_set_read_changed_and_gone_with_the_stack(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Known(cli.find(SilentProgress()), project)
    assert known.everyone() == ([], [])
    assert known.tags("a") is None
    for name in ("a", "b", "plain"):
        known.init(stack(project, name))
    with pytest.raises(RefusedError, match="begun by somebody else at the same time"):
        known.init(stack(project, "a"))
    wanted = [Tags(name, "dev", "ada", now(), now() + timedelta(hours=1)) for name in ("a", "b")]
    for tags in wanted:
        known.set(tags, {})
    # Another machine, of which only the backend is the same.
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "elsewhere"))
    other = Known(known.cli, project)
    assert other.everyone() == (wanted, [])
    assert other.tags("plain") is None
    until = now() + timedelta(days=2)
    other.extend("a", until)
    assert known.tags("a") == replace(wanted[0], expires=until)
    known.extend("b", until.replace(year=1))
    assert "the tags of stack b" in known.everyone()[1][0]
    assert (other.made("a"), other.was_up("a")) == (Made(), False)
    with pytest.raises(RefusedError, match="environment a was never up"):
        other.settings("a")
    for name in ("a", "b", "a"):
        other.remove_empty(name)
    assert known.everyone() == ([], [])
    with pytest.raises(OpsError, match="no stack named 'a' found"):
        known.set(wanted[0], {})
    left = {file.name.partition(".")[0] for file in (tmp_path / "backend/.pulumi/stacks").rglob("*") if file.is_file()}
    assert left == {"plain"}
    assert [file.name for file in project.iterdir()] == ["Pulumi.yaml"]
