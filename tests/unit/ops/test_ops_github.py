"""What workflows write on GitHub, by a `gh` that keeps comments and issues as GitHub does."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

import pytest

from ops.compare.markdown import COMMENT_LIMIT, MARKER
from ops.compare.model import Change, Difference, StackDifference
from tests.support.fake_gh import BOT, COMMIT, FakeGh

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Slipway = Callable[..., Result]


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGh:
    """What GitHub keeps; the run is one for a pull request from a fork."""
    kept = FakeGh(tmp_path)
    run = {
        "event": "pull_request",
        "head_sha": COMMIT,
        "head_branch": "branch",
        "head_repository": {"full_name": "fork/name"},
        "html_url": "https://github.example/owner/name/actions/runs/1",
    }
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"workflow_run": run}))
    monkeypatch.setenv("PATH", f"{kept.directory}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
    monkeypatch.setenv("GITHUB_REPOSITORY", "owner/name")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example")
    monkeypatch.setenv("GITHUB_RUN_ID", "77")
    return kept


def written(tmp_path: Path, *, number: int | None = 7, label: str = "Deployment shop/web") -> str:
    change = Change(operation="update", urn="u", type="t", label=label, diff="-a: 1\n+a: 2")
    stack = StackDifference(stack="dev", state="both", changes=(change,))
    path = tmp_path / "difference.json"
    path.write_text(Difference(base="b", head="h", pull_request=number, stacks=(stack,)).model_dump_json())
    return str(path)


def test_one_comment_is_written_and_then_renewed(github: FakeGh, tmp_path: Path, slipway: Slipway) -> None:
    github.pull(7)
    github.add("comments", {"id": 1, "user": {"login": "somebody"}, "body": f"{MARKER} mine"})
    assert slipway("github", "comment", written(tmp_path)).exit_code == 0
    assert [comment["on"] for comment in github["comments"][1:]] == ["7"]
    assert github["comments"][1]["body"].startswith(MARKER)
    same = slipway("github", "comment", written(tmp_path))
    assert "says it already" in same.stdout
    other = slipway("github", "comment", written(tmp_path, label="Deployment shop/other"))
    assert "renewed the comment on pull request 7" in other.stdout
    assert len(github["comments"]) == 2
    assert "shop/other" in github["comments"][1]["body"]
    assert github["comments"][0]["body"].endswith("mine")
    assert "head=fork%3Abranch" in github["queries"][0]


def test_our_comment_is_found_among_others(github: FakeGh, tmp_path: Path, slipway: Slipway) -> None:
    github.pull(7)
    github.add("comments", {"id": 1, "user": BOT, "body": "other"}, {"id": 999, "user": BOT, "body": f"{MARKER}\nold"})
    slipway("github", "comment", written(tmp_path))
    assert github["writes"] == [["PATCH", "issues/comments/999"]]


def test_a_difference_cannot_name_another_pull_request(github: FakeGh, tmp_path: Path, slipway: Slipway) -> None:
    github.pull(7)
    github.pull(8, sha="b" * 40)
    result = slipway("github", "comment", written(tmp_path, number=8))
    assert result.exit_code == 1
    assert "says pull request 8" in result.stderr
    assert github["writes"] == []


def test_another_fork_with_the_same_commit_is_not_meant(github: FakeGh, tmp_path: Path, slipway: Slipway) -> None:
    github.pull(7, repository="stranger/name")
    result = slipway("github", "comment", written(tmp_path))
    assert result.exit_code == 0
    assert "no open pull request" in result.stdout
    assert github["writes"] == []


@pytest.mark.parametrize("content", [None, "", "[]", '{"base": "<b>@everyone</b>", "x": "`"}'])
def test_what_is_no_difference_becomes_a_note(
    github: FakeGh, tmp_path: Path, slipway: Slipway, content: str | None
) -> None:
    github.pull(7)
    path = tmp_path / "difference.json"
    if content is not None:
        path.write_text(content)
    assert slipway("github", "comment", str(path)).exit_code == 0
    (comment,) = github["comments"]
    assert comment["body"].startswith(MARKER)
    assert "The difference is missing" in comment["body"]
    assert "everyone" not in comment["body"]


def test_several_pull_requests_of_one_commit_need_the_number(github: FakeGh, tmp_path: Path, slipway: Slipway) -> None:
    github.pull(7)
    github.pull(9)
    assert slipway("github", "comment", written(tmp_path, number=None)).exit_code == 1
    assert slipway("github", "comment", written(tmp_path, number=9)).exit_code == 0
    assert [comment["on"] for comment in github["comments"]] == ["9"]


def test_a_run_that_was_not_for_a_pull_request_is_refused(github: FakeGh, tmp_path: Path, slipway: Slipway) -> None:
    event = tmp_path / "event.json"
    event.write_text(event.read_text().replace("pull_request", "push"))
    result = slipway("github", "comment", written(tmp_path))
    assert result.exit_code == 1
    assert "not for a pull request" in result.stderr
    event.write_text("{}")
    assert "is no event" in slipway("github", "comment", written(tmp_path)).stderr
    assert github["writes"] == []


def test_a_refusal_is_told_in_one_sentence(github: FakeGh, tmp_path: Path, slipway: Slipway) -> None:
    github.refuse("Resource not accessible by integration (HTTP 403)")
    result = slipway("github", "comment", written(tmp_path))
    assert result.exit_code == 1
    assert "Resource not accessible by integration (HTTP 403)" in result.stderr


@pytest.mark.parametrize(("name", "value"), [("PATH", "/nowhere"), ("GITHUB_REPOSITORY", "../x")])
@pytest.mark.usefixtures("github")
def test_what_a_run_needs_is_told(
    tmp_path: Path, slipway: Slipway, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    result = slipway("github", "comment", written(tmp_path))
    assert result.exit_code == 1
    assert name in result.stderr


def reports(tmp_path: Path, **codes: int) -> str:
    directory = tmp_path / "reports"
    for path in directory.rglob("*.txt") if directory.exists() else ():
        path.unlink()
    for name, code in codes.items():
        place = directory / f"artifact-{name}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.exit-{code}.txt").write_text(f"output of {name}\n```\n\x1b[31mred\x1b[0m")
    return str(directory)


DRIFT = ("--key", "drift", "--title", "Drift of the stacks")


def test_one_issue_is_opened_renewed_and_closed(github: FakeGh, tmp_path: Path, slipway: Slipway) -> None:
    stranger = {"number": 1, "user": {"login": "x"}, "state": "open", "body": "<!-- slipway:report:drift -->"}
    github.add("issues", stranger)
    assert "no issue is open" in slipway("github", "report", reports(tmp_path, dev=0), *DRIFT).stdout
    assert "opened issue 41" in slipway("github", "report", reports(tmp_path, dev=0, prod=2), *DRIFT).stdout
    issue = github["issues"][1]
    assert issue["title"] == "Drift of the stacks"
    assert "### `prod`: exit code 2" in issue["body"]
    assert "````text\noutput of prod\n```\nred\n````" in issue["body"]
    assert "Nothing to tell: `dev`" in issue["body"]
    assert "https://github.example/owner/name/actions/runs/77" in issue["body"]
    assert "renewed issue 41" in slipway("github", "report", reports(tmp_path, dev=2, prod=2), *DRIFT).stdout
    assert len(github["issues"]) == 2
    assert "output of dev" in github["issues"][1]["body"]
    assert "closed issue 41" in slipway("github", "report", reports(tmp_path, dev=0, prod=0), *DRIFT).stdout
    assert github["issues"][1]["state"] == "closed"
    assert "opened issue 42" in slipway("github", "report", reports(tmp_path, prod=1), *DRIFT).stdout
    other = slipway("github", "report", reports(tmp_path, prod=1), "--key", "audit", "--title", "Audit")
    assert "opened issue 43" in other.stdout


def test_a_long_report_fits(github: FakeGh, tmp_path: Path, slipway: Slipway) -> None:
    directory = reports(tmp_path, dev=2, prod=2)
    for path in (tmp_path / "reports").rglob("*.txt"):
        path.write_text("".join(f"line {n}\n" for n in range(30_000)))
    assert slipway("github", "report", directory, *DRIFT).exit_code == 0
    body: str = github["issues"][0]["body"]
    assert len(body) <= COMMENT_LIMIT
    assert len(re.findall(r"characters left out", body)) == 2
    assert "line 29999" in body


def test_an_empty_report_does_not_close_the_issue(github: FakeGh, tmp_path: Path, slipway: Slipway) -> None:
    slipway("github", "report", reports(tmp_path, prod=2), *DRIFT)
    (tmp_path / "empty").mkdir()
    result = slipway("github", "report", str(tmp_path / "empty"), *DRIFT)
    assert result.exit_code == 1
    assert github["issues"][0]["state"] == "open"


def test_a_key_is_one_word(github: FakeGh, tmp_path: Path, slipway: Slipway) -> None:
    result = slipway("github", "report", reports(tmp_path, prod=2), "--key", "a -->", "--title", "x")
    assert result.exit_code == 1
    assert github["writes"] == []


def preview(tmp_path: Path, name: str, *objects: tuple[str, str, str]) -> str:
    entries = [{"operation": o, "cluster": "local", "name": n, "diff": d} for o, n, d in objects]
    path = tmp_path / name
    path.write_text(json.dumps({"engine": "pulumi", "counts": {}, "objects": entries}))
    return str(path)


def test_what_was_approved_must_be_what_would_happen(tmp_path: Path, slipway: Slipway) -> None:
    one, other = ("update", "Deployment a/b", "- 1\n+ 2"), ("delete", "Service a|b", "")
    approved = preview(tmp_path, "approved.json", one, other)
    same = slipway("github", "preview", preview(tmp_path, "same.json", other, one), "--approved", approved)
    assert same.exit_code == 0
    assert "| delete | `Service a\\|b` | `local` |" in same.stdout
    assert "**1 to delete**, **1 to update**" in same.stdout
    for objects, told in (
        ([one], "not any more: delete Service a|b"),
        ([one, other, ("replace", "Database", "")], "now: replace Database"),
        ([("update", "Deployment a/b", "- 1\n+ 3"), other], "update Deployment a/b"),
        ([one, one, other], "now: update Deployment a/b"),
    ):
        result = slipway("github", "preview", preview(tmp_path, "now.json", *objects), "--approved", approved)
        assert result.exit_code == 1
        assert told in result.stderr
    assert slipway("github", "preview", preview(tmp_path, "none.json")).stdout == "Nothing would change.\n"
    (tmp_path / "odd.json").write_text('{"objects": [{}]}')
    assert (
        "is not what `slipway preview --json` writes" in slipway("github", "preview", str(tmp_path / "odd.json")).stderr
    )
