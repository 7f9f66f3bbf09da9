"""`slipway config`: what is changed, what stays, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from stacks.stack_file import read_stack_config
from tests.unit.ops.conftest import STACK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Slipway = Callable[..., Result]


def text(project: Path) -> str:
    return (project / "Pulumi.dev.yaml").read_text(encoding="utf-8")


def test_set_changes_one_value_and_nothing_else(project: Path, slipway: Slipway) -> None:
    result = slipway("config", "set", "apps.h2o-example.revision", "2")
    assert result.exit_code == 0
    assert text(project) == STACK.replace('revision: "1" # raise', 'revision: "2" # raise')
    assert "apps.h2o-example.revision = 2" in result.stdout


def test_numbers_stay_numbers(project: Path, slipway: Slipway) -> None:
    assert slipway("config", "set", "apps.h2o-example.replicas", "4").exit_code == 0
    assert text(project) == STACK.replace("replicas: 2", "replicas: 4")


@pytest.mark.parametrize(
    "tag", ["0123456", "12345e67", "1e3", "0o17", "1_000", "007", "1.10", "no", "on", "NaN", "2026-11-21", "0x10"]
)
@pytest.mark.parametrize("before", ['revision: "1"', "revision: 1", "revision: abc", "replicas: 1"])
def test_text_stays_text_for_every_parser(project: Path, slipway: Slipway, tag: str, before: str) -> None:
    file = project / "Pulumi.dev.yaml"
    file.write_text(STACK.replace('revision: "1"', before).replace("      replicas: 2\n", ""), encoding="utf-8")
    assert slipway("config", "set", "apps.h2o-example.revision", tag).exit_code == 0
    config = read_stack_config(project, "dev")
    assert json.loads(config.values["slipway:apps"])["h2o-example"]["revision"] == tag
    assert yaml.safe_load(text(project))["config"]["slipway:apps"]["h2o-example"]["revision"] == tag


def test_the_projects_prefix_may_stand_before_the_path(project: Path, slipway: Slipway) -> None:
    assert slipway("config", "set", "slipway:apps.h2o-example.replicas", "3").exit_code == 0
    assert "replicas: 3" in text(project)


def test_a_mapping_can_be_set_where_there_was_nothing(project: Path, slipway: Slipway) -> None:
    assert slipway("config", "unset", "apps.h2o-example.replicas").exit_code == 0
    wanted = "{minReplicas: 2, maxReplicas: 4, cpuPercent: 50}"
    assert slipway("config", "set", "apps.h2o-example.autoscale", wanted).exit_code == 0
    result = slipway("config", "get", "apps.h2o-example.autoscale.maxReplicas")
    assert result.stdout.strip() == "4"
    assert "# raise it to roll out" in text(project)


def test_the_same_value_changes_nothing(project: Path, slipway: Slipway) -> None:
    before = (project / "Pulumi.dev.yaml").stat()
    result = slipway("config", "set", "apps.h2o-example.revision", "1")
    assert "unchanged" in result.stdout
    after = (project / "Pulumi.dev.yaml").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


REFUSED = {
    "no replicas": ("apps.h2o-example.replicas", "0", "slipway:apps.h2o-example.replicas = 0"),
    "unknown key": ("apps.h2o-example.replicsa", "2", "did you mean replicas?"),
    "unknown app": ("apps.h2o", "{cluster: local}", "slipway:apps.h2o"),
    "latest": ("apps.h2o-example.revision", "latest", "not latest"),
    "through a text": ("apps.h2o-example.revision.x", "1", "has no keys"),
    "no YAML": ("apps.h2o-example.replicas", "[1", "is no YAML"),
    "no path": ("apps..x", "1", "is no path"),
}


@pytest.mark.parametrize(("path", "value", "told"), REFUSED.values(), ids=list(REFUSED))
def test_what_would_make_the_file_wrong_is_refused(
    path: str, value: str, told: str, project: Path, slipway: Slipway
) -> None:
    result = slipway("config", "set", path, value)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert told in result.stderr
    assert text(project) == STACK
    assert [p.name for p in project.iterdir() if p.name.startswith(".")] == []


def test_get_of_what_is_not_set_is_an_error(project: Path, slipway: Slipway) -> None:
    result = slipway("config", "get", "apps.nginx")
    assert result.exit_code == 1
    assert "Pulumi.dev.yaml does not set apps.nginx" in result.stderr
    assert project.is_dir()


def test_unset_of_what_is_not_set_is_an_error(project: Path, slipway: Slipway) -> None:
    assert slipway("config", "unset", "apps.nginx").exit_code == 1
    assert text(project) == STACK


def test_the_files_mode_stays(project: Path, slipway: Slipway) -> None:
    file = project / "Pulumi.dev.yaml"
    file.chmod(0o640)
    assert slipway("config", "set", "apps.h2o-example.revision", "2").exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_symbolic_link_stays_one(project: Path, slipway: Slipway, tmp_path: Path) -> None:
    file, real = project / "Pulumi.dev.yaml", tmp_path / "real.yaml"
    file.rename(real)
    file.symlink_to(real)
    assert slipway("config", "set", "apps.h2o-example.replicas", "3").exit_code == 0
    assert file.is_symlink()
    assert "replicas: 3" in real.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_replaced_stays_as_it_was(
    project: Path, slipway: Slipway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    def read_only(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("os.fsync", full)
    monkeypatch.setattr("pathlib.Path.unlink", read_only)
    result = slipway("config", "set", "apps.h2o-example.revision", "2")
    assert result.exit_code == 1
    assert "No space left on device; it is as it was" in result.stderr
    assert text(project) == STACK


def test_check_names_the_clusters(project: Path, slipway: Slipway) -> None:
    result = slipway("config", "check")
    assert result.exit_code == 0
    assert result.stdout.strip() == "Pulumi.dev.yaml: nothing is wrong; clusters: local (existing)"
    assert text(project) == STACK


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("apps.nginx.autoscale.minReplicas", "Pods without load.\n    whole number, 1 to 100; default: 2\n"),
        ("slipway:apps.nginx.cluster", "required"),
        ("apps.nginx.autoscal.minReplicas", "is no setting; there is: apps.nginx.autoscale.minReplicas, "),
        ("clusters.local.ingres", "there is: clusters.local.ingress"),
    ],
)
def test_explain_tells_of_a_setting_or_of_the_nearest(path: str, told: str, slipway: Slipway) -> None:
    result = slipway("config", "explain", path)
    assert told in result.stdout + result.stderr
    assert result.exit_code == ("is:" in told)
