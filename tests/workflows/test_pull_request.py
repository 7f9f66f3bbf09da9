"""A pull request as the workflows see it: their own scripts run on two real commits, up to the comment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ops.compare.markdown import COMMENT_LIMIT, MARKER
from tests.unit.ops.test_ops_compare_sources import git
from tests.unit.ops.test_ops_github import github as github

ROOT = Path(__file__).resolve().parents[2]
CODE = ("components", "stacks", "ops", "local", "policies")
FILES = ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml", "__main__.py", "pyproject.toml", "uv.lock")
NUMBER = 7

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.fake_gh import FakeGh


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The project in a repository of its own; HEAD^1 is it as it is, HEAD a pull request's merge."""
    directory = tmp_path_factory.mktemp("clone")
    for name in CODE:
        shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy2(ROOT / name, directory / name)
    (directory / ".venv").symlink_to(ROOT / ".venv")
    (directory / ".gitignore").write_text(".venv\n")
    git(directory, "init", "-q", "-b", "main")
    git(directory, "add", ".")
    git(directory, "commit", "-qm", "base")
    git(directory, "checkout", "-qb", "topic")
    dev, prod = read(directory / "Pulumi.dev.yaml"), read(directory / "Pulumi.prod.yaml")
    del dev["config"]["slipway:apps"]["example-app"]
    dev["config"]["slipway:apps"]["nginx"]["replicas"] = 4
    prod["config"]["slipway:databases"]["postgres"]["database"] = "other"
    (directory / "Pulumi.dev.yaml").write_text(yaml.safe_dump(dev), encoding="utf-8")
    (directory / "Pulumi.prod.yaml").write_text(yaml.safe_dump(prod), encoding="utf-8")
    git(directory, "commit", "-qam", "topic")
    git(directory, "checkout", "-q", "main")
    git(directory, "merge", "-q", "--no-ff", "-m", "merge", "topic")
    yield directory
    shutil.rmtree(directory)


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def script(workflow: str, step: str) -> str:
    """What a step of a workflow runs."""
    content = read(ROOT / ".github" / "workflows" / workflow)
    (found,) = [
        s["run"] for job in content["jobs"].values() for s in job["steps"] if s.get("name") == step and "run" in s
    ]
    return found


def run(text: str, directory: Path, temporary: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A script as GitHub's runner runs it."""
    environment = {**os.environ, "RUNNER_TEMP": str(temporary), "SLIPWAY_PROJECT": str(directory), **variables}
    environment["GITHUB_STEP_SUMMARY"] = str(temporary / "summary.md")
    return subprocess.run(
        ["bash", "-e", "-c", text], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )


# Eight renders: on a machine that is busy with a cluster they take minutes.
@pytest.mark.timeout(1800)
def test_from_two_commits_to_the_comment(clone: Path, tmp_path: Path, github: FakeGh) -> None:
    if not (ROOT / ".venv" / "bin" / "slipway").exists():
        pytest.skip("the project has no .venv; the workflows' scripts call .venv/bin/slipway")
    refused = run(script("difference.yml", "Compare"), clone, tmp_path, NUMBER=str(NUMBER), ALLOWED="")
    assert refused.returncode == 1, refused.stderr
    assert "StatefulSet example-app/mariadb" in refused.stderr
    found = json.loads((tmp_path / "difference.json").read_text())
    assert found["pull_request"] == NUMBER
    lost = {
        (stack["stack"], c["operation"], c["label"])
        for stack in found["stacks"]
        for c in stack["changes"]
        if c["danger"]
    }
    assert ("dev", "delete", "Namespace example-app") in lost
    assert ("prod", "replace", "aws rds Instance postgres-database-instance") in lost
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith(MARKER)

    github.pull(NUMBER)
    (tmp_path / "difference").mkdir()
    shutil.copy2(tmp_path / "difference.json", tmp_path / "difference" / "difference.json")
    said = run(script("comment.yml", "Comment"), clone, tmp_path, GITHUB_EVENT_PATH=os.environ["GITHUB_EVENT_PATH"])
    assert said.returncode == 0, said.stderr
    (comment,) = github["comments"]
    assert comment["on"] == str(NUMBER)
    assert len(comment["body"]) <= COMMENT_LIMIT
    assert comment["body"].strip() == summary.strip()
    assert comment["body"].index("[!CAUTION]") < comment["body"].index("| stack |")
    for told in (
        "mariadb",
        "`dbName` cannot be changed in place",
        "-  replicas: 2",
        "+  replicas: 4",
        "+dbName: other",
    ):
        assert told in comment["body"], told
    assert "unchanged" in comment["body"]
    assert "state=open" in github["queries"][0]

    # The label is set: the same script, the same difference, no failure; the comment is renewed, not doubled.
    allowed = run(script("difference.yml", "Compare"), clone, tmp_path, NUMBER=str(NUMBER), ALLOWED="yes")
    assert allowed.returncode == 0, allowed.stderr
    shutil.copy2(tmp_path / "difference.json", tmp_path / "difference" / "difference.json")
    run(script("comment.yml", "Comment"), clone, tmp_path, GITHUB_EVENT_PATH=os.environ["GITHUB_EVENT_PATH"])
    assert len(github["comments"]) == 1
    assert "Allowed by the label `allow-stateful`" in github["comments"][0]["body"]
