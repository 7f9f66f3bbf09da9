"""Environments with Pulumi's engine: where it works, and with which settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from local.progress import SilentProgress
from ops.environments.files import file_of, forget
from ops.environments.template import derive, read_template
from ops.files import replace
from ops.pulumi.backend import backend
from ops.render.result import Rendered
from ops.stack import Stack

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def stack(project: Path) -> Stack:
    """An environment as a removal knows it."""
    template = read_template(project, "dev", [], ephemeral=False)
    replace(file_of(project, "pr-17"), derive(template, "pr-17", "ada", {}, lambda _app, _setting, _cluster: 30200))
    return Stack("pr-17", project, Rendered("pr-17", "slipway", {"resources": []}, {}, {}, [], {}), SilentProgress())


def test_on_a_shared_backend_it_works_beside_the_project_not_in_it(
    stack: Stack, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(path.name for path in project.iterdir())
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}/shared")
    where = backend(stack)
    assert where.own is None
    assert "PULUMI_BACKEND_URL" not in where.environment
    assert where.directory == tmp_path / "data" / "slipway" / "work" / "pr-17"
    settings = yaml.safe_load((where.directory / "Pulumi.pr-17.yaml").read_text(encoding="utf-8"))
    assert settings["config"]["slipway:namespacePrefix"] == "pr-17"
    assert yaml.safe_load((where.directory / "Pulumi.yaml").read_text(encoding="utf-8"))["main"].startswith("/")
    assert sorted(path.name for path in project.iterdir()) == before
    forget(project, "pr-17")
    assert not where.directory.exists()


def test_what_encrypts_the_templates_secrets_encrypts_the_environments(project: Path) -> None:
    file = project / "Pulumi.dev.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(f"secretsprovider: awskms://alias/x\nencryptedkey: AAAA\n{text}", encoding="utf-8")
    template = read_template(project, "dev", [], ephemeral=False)
    document = yaml.safe_load(derive(template, "pr-17", "ada", {}, lambda _app, _setting, _cluster: 30200))
    assert document["secretsprovider"] == "awskms://alias/x"
    # The key is the template's own; Pulumi draws another one.
    assert "encryptedkey" not in document
