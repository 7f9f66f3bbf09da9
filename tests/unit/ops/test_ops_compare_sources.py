"""Where the two sides come from: directories, revisions, the working tree; each rendered by its own code."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from ops.compare.compare import compare
from ops.compare.markdown import MARKER
from ops.compare.sources import Side, read_side
from ops.errors import OpsError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.ops.conftest import Run

# A program of its own: the render of a revision must come from the code of that revision. What it sees of the
# environment goes into the plan, so a test can look for what it must not see.
CODE = """
import json, os, pathlib, sys

NAME = "{name}"

def main():
    stack, out = sys.argv[sys.argv.index("--stack") + 1], pathlib.Path(sys.argv[sys.argv.index("--out") + 1])
    text = pathlib.Path(f"Pulumi.{{stack}}.yaml").read_text()
    if "wrong" in text:
        sys.exit("error: wrong settings")
    if "hang" in text:
        raise RuntimeError("boom")
    place = {{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {{"name": NAME}}}}
    data = {{"environment": sorted(os.environ), "cwd": os.getcwd(), "text": text}}
    config = {{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "seen"}}, "data": data}}
    common = {{"custom": True, "parent": None, "provider": None, "protect": False, "options": {{}}}}
    resources = [
        {{"urn": f"urn:pulumi:{{stack}}::p::kubernetes:core/v1:{{i['kind']}}::{{i['metadata']['name']}}",
         "type": f"kubernetes:core/v1:{{i['kind']}}", "name": i["metadata"]["name"], "inputs": i, **common}}
        for i in (place, config)
    ]
    out.mkdir(parents=True)
    (out / "plan.json").write_text(json.dumps({{"stack": stack, "resources": resources}}))
"""


def git(directory: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *settings, *arguments], cwd=directory, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two revisions: in the second, the code, a setting and the list of stacks are others."""
    directory = tmp_path / "repository"
    (directory / "ops").mkdir(parents=True)
    git(tmp_path, "init", "-q", str(directory))
    (directory / "Pulumi.yaml").write_text("name: p\n")
    (directory / "Pulumi.dev.yaml").write_text("a: 1\n")
    (directory / "Pulumi.old.yaml").write_text("a: 1\n")
    (directory / "uv.lock").write_text("1\n")
    (directory / "ops" / "__init__.py").write_text("")
    (directory / "ops" / "cli.py").write_text(CODE.format(name="first"))
    git(directory, "add", ".")
    git(directory, "commit", "-qm", "first")
    (directory / "Pulumi.dev.yaml").write_text("a: 2\n")
    (directory / "Pulumi.old.yaml").rename(directory / "Pulumi.new.yaml")
    (directory / "ops" / "cli.py").write_text(CODE.format(name="second"))
    git(directory, "add", "-A")
    git(directory, "commit", "-qm", "second")
    monkeypatch.setenv("SLIPWAY_PROJECT", str(directory))
    return directory


def seen(side: Side, stack: str = "dev") -> dict[str, Any]:
    (config,) = [r for r in side.stacks[stack].resources if r["name"] == "seen"]
    return config["inputs"]["data"]


def test_each_revision_is_rendered_by_its_own_code(repository: Path) -> None:
    base, head = (read_side(wish, repository) for wish in ("HEAD~1", "HEAD"))
    assert [resource["name"] for resource in base.stacks["dev"].resources] == ["first", "seen"]
    assert [resource["name"] for resource in head.stacks["dev"].resources] == ["second", "seen"]
    assert (sorted(base.stacks), sorted(head.stacks)) == (["dev", "old"], ["dev", "new"])
    assert (seen(base)["text"], seen(head)["text"]) == ("a: 1\n", "a: 2\n")
    assert head.label == git(repository, "rev-parse", "HEAD")[:12]
    assert git(repository, "status", "--porcelain") == ""


def test_a_render_sees_no_credential(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = ("GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "KUBECONFIG", "SSH_AUTH_SOCK")
    for name in hidden:
        monkeypatch.setenv(name, "x")
    names = set(seen(read_side("HEAD", repository))["environment"])
    assert "PATH" in names
    assert names <= {
        *("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "KUBE_CONTEXT", "HOME", "PWD"),
        *("PYTHONPATH", "PYTHONNOUSERSITE", "SLIPWAY_PROJECT"),
    }


def test_the_working_tree_is_taken_as_it_lies(repository: Path) -> None:
    (repository / "Pulumi.dev.yaml").write_text("a: 3\n")
    side = read_side(".", repository, ["dev"])
    assert sorted(side.stacks) == ["dev"]
    assert seen(side)["text"] == "a: 3\n"


@pytest.mark.parametrize(("text", "told"), [("wrong", "error: wrong settings"), ("hang", "RuntimeError: boom")])
def test_a_side_that_cannot_be_rendered_is_told(repository: Path, slipway: Run, text: str, told: str) -> None:
    (repository / "Pulumi.dev.yaml").write_text(text)
    result = slipway("compare", "HEAD", ".", "--stack", "dev")
    assert result.exit_code == 1
    assert "cannot be rendered on the head side" in result.stdout
    assert told in result.stdout
    assert "dev: the head cannot be rendered" in result.stderr
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "broken")
    (repository / "Pulumi.dev.yaml").write_text("a: 4")
    result = slipway("compare", "HEAD", ".", "--stack", "dev")
    assert result.exit_code == 1
    assert "what would be lost is unknown" in result.stderr
    assert slipway("compare", "HEAD", ".", "--stack", "dev", "--allow-stateful").exit_code == 0


def test_the_command_fails_for_what_is_lost_until_it_is_allowed(repository: Path, slipway: Run) -> None:
    out = repository.parent / "comment.md"
    result = slipway("compare", "HEAD~1", "HEAD", "--markdown", str(out))
    assert result.exit_code == 1
    assert result.stdout == out.read_text(encoding="utf-8")
    assert result.stdout.startswith(MARKER)
    assert "PersistentVolumeClaim first" in result.stderr
    allowed = slipway("compare", "HEAD~1", "HEAD", "--allow-stateful", "--json", "--pull-request", "12")
    assert allowed.exit_code == 0
    found = json.loads(allowed.stdout)
    assert found["pull_request"] == 12
    states = {stack["stack"]: stack["state"] for stack in found["stacks"]}
    assert states == {"dev": "both", "new": "new", "old": "removed"}


def test_a_stack_with_an_absurd_name_is_told(repository: Path, slipway: Run) -> None:
    name = "x" * 230
    (repository / f"Pulumi.{name}.yaml").write_text("wrong")
    result = slipway("compare", "HEAD", ".", "--stack", name)
    assert result.exit_code == 1
    assert "the head cannot be rendered" in result.stderr


def test_another_lock_file_is_noted(repository: Path) -> None:
    (repository / "uv.lock").write_text("2\n")
    assert read_side("HEAD", repository, ["dev"]).notes
    assert not read_side(".", repository, ["dev"]).notes


@pytest.mark.parametrize("wish", ["nowhere", "--help", "-x", "HEAD~9", ""])
def test_what_is_no_side_is_refused(repository: Path, wish: str) -> None:
    with pytest.raises(OpsError, match="neither a directory nor a git revision"):
        read_side(wish, repository)


@pytest.mark.usefixtures("repository")
def test_a_stack_that_is_nowhere_is_refused(slipway: Run) -> None:
    result = slipway("compare", "HEAD~1", "HEAD", "--stack", "nowhere")
    assert result.exit_code == 1
    assert "neither side has the stack nowhere; there is: none" in result.stderr


def write(place: Path, stack: str, resources: list[dict[str, Any]]) -> None:
    place.mkdir(parents=True, exist_ok=True)
    (place / "plan.json").write_text(json.dumps({"stack": stack, "resources": resources}))


def test_directories_of_one_stack_and_of_several(tmp_path: Path, project: Path, slipway: Run) -> None:
    assert slipway("render", "--out", str(tmp_path / "one")).exit_code == 0
    assert slipway("render", "--out", str(tmp_path / "several" / "dev")).exit_code == 0
    one, several = (read_side(str(tmp_path / name), project) for name in ("one", "several"))
    assert sorted(one.stacks) == sorted(several.stacks) == ["dev"]
    assert one.stacks["dev"].files
    assert compare(one, several).stacks[0].changes == ()
    (tmp_path / "several" / "dev" / "manifests" / "local" / "h2o.yaml").write_text("other")
    assert compare(one, read_side(str(tmp_path / "several"), project)).stacks[0].files == ("manifests/local/h2o.yaml",)


def test_a_directory_can_hold_the_reason_why_there_is_no_render(tmp_path: Path, project: Path) -> None:
    (tmp_path / "side" / "dev").mkdir(parents=True)
    (tmp_path / "side" / "dev" / "error.txt").write_text("error: wrong")
    side = read_side(str(tmp_path / "side"), project)
    assert side.stacks["dev"].error == "error: wrong"


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"stack": "dev", "resources": [{}]}', '{"stack": "dev", "resources": 3}']
)
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, project: Path, content: str) -> None:
    (tmp_path / "side").mkdir()
    (tmp_path / "side" / "plan.json").write_text(content)
    with pytest.raises(OpsError, match="is no plan"):
        read_side(str(tmp_path / "side"), project)


def test_a_directory_without_a_render_is_refused(tmp_path: Path, project: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(OpsError, match="holds no render"):
        read_side(str(tmp_path / "nothing"), project)
