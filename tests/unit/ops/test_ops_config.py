"""`slipway config check`, and that whoever reads settings holds them against the stack's name as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local.progress import SilentProgress
from ops.environments.template import derive, read_template
from ops.releases.target import find
from ops.render.program import PROJECT_DIR, render
from stacks.settings import SettingsError
from tests.unit.ops.conftest import STACK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.ops.conftest import Run

DOTTED = "prod.x"
"""A stack name that AWS does not take as a part of the name of a database's last snapshot."""


@pytest.fixture
def dotted_project(project: Path) -> Path:
    """A project whose stack `prod` is fine but for the stack's name."""
    text = (PROJECT_DIR / "Pulumi.prod.yaml").read_text(encoding="utf-8")
    (project / f"Pulumi.{DOTTED}.yaml").write_text(text, encoding="utf-8")
    return project


def test_check_names_the_clusters(project: Path, slipway: Run) -> None:
    result = slipway("config", "check")
    assert result.exit_code == 0
    assert result.stdout.strip() == "Pulumi.dev.yaml: nothing is wrong; clusters: local (existing)"
    assert (project / "Pulumi.dev.yaml").read_text(encoding="utf-8") == STACK


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("apps.nginx.autoscale.minReplicas", "Pods without load.\n    whole number, 1 to 100; default: 2\n"),
        ("slipway:apps.nginx.cluster", "required"),
        ("apps.nginx.autoscal.minReplicas", "is no setting; there is: apps.nginx.autoscale.minReplicas, "),
        ("clusters.local.ingres", "there is: clusters.local.ingress"),
    ],
)
def test_explain_tells_of_a_setting_or_of_the_nearest(path: str, told: str, slipway: Run) -> None:
    result = slipway("config", "explain", path)
    assert told in result.stdout + result.stderr
    assert result.exit_code == ("is:" in told)


@pytest.mark.usefixtures("dotted_project")
def test_check_knows_names_that_are_made_of_the_stacks(slipway: Run) -> None:
    result = slipway("config", "check", "--stack", DOTTED)
    assert result.exit_code == 1
    assert f"stack = {DOTTED}" in result.stderr


READERS: dict[str, Callable[[Path], Any]] = {
    "a release": lambda directory: find(directory, DOTTED, "nginx", SilentProgress()),
    "a template": lambda directory: read_template(directory, DOTTED, ["nginx"], ephemeral=True),
    "a render": lambda directory: render(DOTTED, directory),
}


@pytest.mark.parametrize("reader", READERS.values(), ids=list(READERS))
def test_every_reader_knows_them(dotted_project: Path, reader: Callable[[Path], Any]) -> None:
    with pytest.raises(SettingsError, match=f"Pulumi.{DOTTED}.yaml[^$]*stack = {DOTTED}"):
        reader(dotted_project)


@pytest.mark.usefixtures("project")
def test_the_settings_of_an_environment_are_held_against_its_own_name(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = read_template(project, "dev", [], ephemeral=False)
    asked: list[str | None] = []

    def parse(*_: object, stack: str | None = None, **__: object) -> None:
        asked.append(stack)

    monkeypatch.setattr("ops.environments.template.parse", parse)
    derive(template, "pr-17", "ada", {}, lambda _app, _setting, _cluster: 30200)
    assert asked == ["pr-17"]
