"""A render that is kept: found again when nothing changed, made anew when anything did."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from ops.render import kept, program
from ops.render.chart import plan_text
from tests.support import cases

if TYPE_CHECKING:
    from pathlib import Path

    from ops.render.result import Rendered
    from stacks.stack_file import StackConfig

CASE = "dev+scaled"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the test's own."""
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path))
    return tmp_path / "render"


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[StackConfig]:
    """Every run of the program."""
    found: list[StackConfig] = []
    original = program.render_config

    def render(config: StackConfig, project_dir: Path) -> Rendered:
        found.append(config)
        return original(config, project_dir)

    monkeypatch.setattr(program, "render_config", render)
    return found


def the_case() -> StackConfig:
    return cases.case(CASE)


def test_the_second_time_the_program_is_not_run(cache: Path, runs: list[StackConfig]) -> None:
    first, second = kept.render_config(the_case()), kept.render_config(the_case())
    assert len(runs) == 1
    assert first == second == program.render_config(the_case(), kept.ROOT)
    assert plan_text(first) == plan_text(second)
    (file,) = cache.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("variable", ["KUBE_CONTEXT", "AWS_REGION", "GOOGLE_PROJECT", "PULUMI_K8S_DELETE_UNREACHABLE"])
@pytest.mark.usefixtures("cache")
def test_what_the_sdks_may_read_makes_it_another(
    variable: str, runs: list[StackConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.render_config(the_case())
    monkeypatch.setenv(variable, "elsewhere")
    kept.render_config(the_case())
    assert len(runs) == 2


@pytest.mark.usefixtures("cache")
def test_other_settings_make_it_another(runs: list[StackConfig]) -> None:
    kept.render_config(the_case())
    changed = kept.render_config(cases.changed(the_case(), owner="somebody"))
    assert len(runs) == 2
    assert "somebody" in plan_text(changed)


@pytest.mark.parametrize("where", ["components/workloads/pod.py", "stacks/apps.py", "ops/render/manifests.py"])
@pytest.mark.usefixtures("cache")
def test_another_program_makes_it_another(
    where: str, tmp_path: Path, runs: list[StackConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    for folder in ("components", "stacks", "ops/render"):
        shutil.copytree(kept.ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(kept.ROOT / "__main__.py", copy)
    monkeypatch.setattr(kept, "ROOT", copy)
    kept.render_config(the_case(), copy)
    with (copy / where).open("a", encoding="utf-8") as handle:
        handle.write("# changed\n")
    kept.render_config(the_case(), copy)
    assert len(runs) == 2


def test_a_project_with_a_program_of_its_own_is_not_kept(cache: Path, tmp_path: Path, runs: list[StackConfig]) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "__main__.py").write_text((kept.ROOT / "__main__.py").read_text() + "# ours\n")
    for _ in range(2):
        kept.render_config(the_case(), project)
    assert len(runs) == 2
    assert not cache.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"stack": "dev"}', "\0"])
def test_a_broken_file_is_no_result(content: str, cache: Path, runs: list[StackConfig]) -> None:
    whole = kept.render_config(the_case())
    (file,) = cache.iterdir()
    file.write_text(content)
    assert kept.render_config(the_case()) == whole
    assert len(runs) == 2
    assert json.loads(file.read_text())["stack"] == whole.stack


def test_what_cannot_be_written_is_rendered_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("SLIPWAY_CACHE", str(blocked))
    assert kept.render_config(the_case()).apps


def test_only_the_newest_stay(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = program.render_config(the_case(), kept.ROOT)

    def given(config: StackConfig, project_dir: Path) -> Rendered:
        del config, project_dir
        return rendered

    monkeypatch.setattr(program, "render_config", given)
    for number in range(kept.KEPT + 3):
        kept.render_config(cases.changed(the_case(), owner=f"owner-{number}"))
    assert len(list(cache.iterdir())) == kept.KEPT


def test_no_generated_value_is_kept(cache: Path) -> None:
    kept.render_config(cases.case("dev"))
    (file,) = cache.iterdir()
    document: dict[str, Any] = json.loads(file.read_text())
    secrets = [item for items in document["secrets"].values() for item in items]
    assert secrets
    for secret in secrets:
        texts = secret["manifest"].get("stringData") or secret["manifest"]["data"]
        assert all("${" in text or text.isascii() for text in texts.values())
        assert any("${" in text for text in texts.values()), secret["manifest"]["metadata"]["name"]
