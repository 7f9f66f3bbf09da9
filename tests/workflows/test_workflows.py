"""The workflows: what actionlint says of them, and the rules that it does not know."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml

from local import toolchain
from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))
NAMES = [path.name for path in WORKFLOWS]
CHANGING = ("up", "down", "release", "rollback", "env", "refresh", "recover", "bootstrap")
"""Commands of slipway that change something; a run of one is never cancelled."""


@cache
def load(path: Path) -> dict[str, Any]:
    # PyYAML reads the key `on` as a switch, as YAML 1.1 has it.
    content = cast("dict[Any, Any]", yaml.safe_load(path.read_text(encoding="utf-8")))
    return {("on" if key is True else key): value for key, value in content.items()}


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    return load(path)["jobs"]


def steps(path: Path) -> Iterator[dict[str, Any]]:
    if path in ACTIONS:
        yield from load(path)["runs"]["steps"]
        return
    for job in jobs(path).values():
        yield from job.get("steps", ())  # none where a workflow of somebody else is called


def commands(path: Path) -> list[str]:
    """Every command line of the workflow's scripts, continued lines joined."""
    scripts = [step["run"] for step in steps(path) if "run" in step]
    return [line.strip() for script in scripts for line in re.sub(r"\\\n", " ", script).splitlines() if line.strip()]


@pytest.fixture(params=WORKFLOWS, ids=NAMES)
def workflow(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_there_are_workflows() -> None:
    assert len(WORKFLOWS) >= 9
    assert ACTIONS


def test_actionlint_has_nothing_to_say(workflow: Path) -> None:
    try:
        program = toolchain.tool("actionlint")
    except LocalError as error:
        pytest.skip(f"actionlint cannot be built: {error}")
    done = subprocess.run(
        [str(program), "-no-color", str(workflow)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_actionlint_finds_what_is_wrong(tmp_path: Path) -> None:
    try:
        program = toolchain.tool("actionlint")
    except LocalError as error:
        pytest.skip(f"actionlint cannot be built: {error}")
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(
        "on: pull_request\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n"
        "      - run: echo ${{ github.event.pull_request.title }}\n"
    )
    done = subprocess.run([str(program), "-no-color", str(wrong)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "untrusted" in done.stdout


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_action_is_pinned_by_commit_and_names_its_version(path: Path) -> None:
    used = re.findall(r"^\s*(?:- )?uses:[ \t]*(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    for line in used:
        assert line == "./.github/actions/prepare" or re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), (
            line
        )


def test_one_action_is_one_commit_everywhere() -> None:
    found: dict[str, set[str]] = {}
    for path in (*WORKFLOWS, *ACTIONS):
        for name, pin in re.findall(r"uses: ([\w./-]+)@(.*)", path.read_text(encoding="utf-8")):
            found.setdefault(name, set()).add(pin)
    assert {name for name, pins in found.items() if len(pins) > 1} == set()


def test_permissions_are_none_but_what_a_job_names(workflow: Path) -> None:
    assert load(workflow)["permissions"] == {}
    for name, job in jobs(workflow).items():
        granted: dict[str, str] = job["permissions"]
        writes = {key for key, value in granted.items() if value != "read"}
        assert writes <= {"id-token", "issues", "pull-requests", "security-events"}, name
        # An identity in a cloud and a token that writes are never in one job.
        assert len(writes) <= 1, name


def test_every_job_ends(workflow: Path) -> None:
    for name, job in jobs(workflow).items():
        assert "uses" in job or 0 < job["timeout-minutes"] <= 240, name


def test_no_expression_that_somebody_else_can_write_is_in_a_script(workflow: Path) -> None:
    for step in steps(workflow):
        assert not re.search(r"\$\{\{", step.get("run", "")), step


def test_no_checkout_leaves_its_token_behind(workflow: Path) -> None:
    for step in steps(workflow):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_scripts_only_call_the_projects_own_commands(workflow: Path) -> None:
    allowed = re.compile(
        r'(\.venv/bin/slipway|make|sudo \.ci/run)( |$)|code=0$|cat "\$RUNNER_TEMP/|mv "\$RUNNER_TEMP/|\$\{ALLOWED'
    )
    for line in commands(workflow):
        assert allowed.match(line), line


def test_every_command_exists(workflow: Path) -> None:
    """The words of each call are commands and options that slipway has."""
    from typer.main import get_command

    from ops.app import app

    for line in commands(workflow):
        if not line.startswith(".venv/bin/slipway "):
            continue
        command: Any = get_command(app)
        for word in line.split()[1:]:
            inner = getattr(command, "commands", {})
            if word in inner:
                command = inner[word]
            elif word.startswith("--") and word != "--":
                known = {option for parameter in command.params for option in parameter.opts}
                assert word.partition("=")[0] in known, f"{command.name} {word}"


def test_every_target_exists(workflow: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for line in commands(workflow):
        if line.startswith("make "):
            assert line.split()[1] in targets


def changing(job: dict[str, Any]) -> bool:
    script = "\n".join(step.get("run", "") for step in job.get("steps", ()))
    words = re.findall(r"slipway (\w+)(?: (\w+))?", script)
    return any(word in CHANGING and (word, inner) != ("env", "list") for word, inner in words)


def test_what_changes_something_is_never_cancelled(workflow: Path) -> None:
    for name, job in jobs(workflow).items():
        if changing(job):
            assert job["concurrency"]["cancel-in-progress"] is False, name
            assert job["concurrency"]["group"], name
            # The workflow's own group must not cancel it either.
            assert load(workflow).get("concurrency", {}).get("cancel-in-progress", False) is False, name


def test_deploys_wait_for_each_other_stack_by_stack() -> None:
    deploy = jobs(ROOT / ".github" / "workflows" / "deploy.yml")
    groups = {name: job["concurrency"]["group"] for name, job in deploy.items() if changing(job)}
    assert groups == {"dev": "deploy-dev", "prod": "deploy-prod"}


def test_prod_is_behind_an_approval_and_previews_anew() -> None:
    prod = jobs(ROOT / ".github" / "workflows" / "deploy.yml")["prod"]
    assert prod["environment"] == "prod"
    assert prod["needs"] == "prod-preview"
    script = "\n".join(step.get("run", "") for step in prod["steps"])
    assert (
        script.index("slipway preview --stack prod")
        < script.index("--approved")
        < script.index("slipway up --stack prod")
    )


def test_a_pull_requests_code_never_meets_a_credential() -> None:
    for path in WORKFLOWS:
        triggers = load(path)["on"]
        assert "pull_request_target" not in triggers
        if "pull_request" not in triggers:
            continue
        for name, job in jobs(path).items():
            trusted = "github.event.pull_request.head.repo.full_name == github.repository" in job.get("if", "")
            if job["permissions"] != {"contents": "read"} or "environment" in job:
                assert trusted, f"{path.name}: {name}"
            assert "secrets." not in path.read_text(encoding="utf-8")


def test_the_run_that_may_write_runs_code_of_the_default_branch() -> None:
    path = ROOT / ".github" / "workflows" / "comment.yml"
    (job,) = jobs(path).values()
    assert set(load(path)["on"]) == {"workflow_run"}
    (checkout,) = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert checkout["with"]["ref"] == "${{ github.event.repository.default_branch }}"
    assert load(path)["on"]["workflow_run"]["workflows"] == [
        load(ROOT / ".github" / "workflows" / "difference.yml")["name"]
    ]


def test_labels_start_the_difference_anew_and_nothing_skips_it() -> None:
    path = ROOT / ".github" / "workflows" / "difference.yml"
    assert {"labeled", "unlabeled", "synchronize", "opened", "reopened"} == set(
        load(path)["on"]["pull_request"]["types"]
    )
    (job,) = jobs(path).values()
    assert "if" not in job
    assert "allow-stateful" in path.read_text(encoding="utf-8")


def test_versions_are_those_of_the_project() -> None:
    lock = (ROOT / "uv.lock").read_text(encoding="utf-8")
    pulumi = re.search(r'^name = "pulumi"\nversion = "([^"]+)"', lock, re.MULTILINE)
    assert pulumi
    assert (ROOT / ".github" / "pulumi.version").read_text(encoding="utf-8") == pulumi[1] + "\n"
    uv = re.search(r"^UV_VERSION=(.+)$", (ROOT / "scripts" / "bootstrap.sh").read_text(encoding="utf-8"), re.MULTILINE)
    assert uv
    assert load(ACTIONS[0])["runs"]["steps"][0]["with"]["version"] == uv[1]
