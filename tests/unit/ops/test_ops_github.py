"""What workflows write on GitHub, against a server on the loopback that keeps comments and issues as GitHub does."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ops.compare.markdown import COMMENT_LIMIT, MARKER
from ops.compare.model import Change, Difference, StackDifference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typer.testing import Result

    Slipway = Callable[..., Result]

COMMIT = "a" * 40
BOT = {"login": "github-actions[bot]"}


class GitHub:
    """Comments, issues and pull requests of the repository `owner/name`."""

    def __init__(self) -> None:
        self.pulls: list[dict[str, Any]] = []
        self.comments: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []
        self.writes: list[tuple[str, str]] = []
        self.queries: list[tuple[str, dict[str, list[str]]]] = []
        self.refuse = 0

    def pull(self, number: int, *, sha: str = COMMIT, repository: str = "fork/name") -> None:
        head = {"sha": sha, "ref": "branch", "repo": {"full_name": repository}}
        self.pulls.append({"number": number, "head": head, "base": {"repo": {"full_name": "owner/name"}}})

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any]:
        if self.refuse:
            return self.refuse, {"message": "Resource not accessible by integration"}
        if method != "GET":
            self.writes.append((method, path))
        else:
            self.queries.append((path, query))
        page = int(query.get("page", ["1"])[0]) - 1
        if method == "GET":
            everything = {"pulls": self.pulls, "issues": self.issues}.get(path, self.comments)
            if path == "issues":
                everything = [issue for issue in everything if issue["state"] == "open"]
            return 200, everything[page * 100 : page * 100 + 100]
        if method == "POST" and path == "issues":
            self.issues.append({"number": 40 + len(self.issues), "user": BOT, "state": "open", **body})
            return 201, self.issues[-1]
        if method == "POST":
            assert len(body["body"].encode("utf-16-le")) // 2 <= COMMENT_LIMIT
            self.comments.append({"id": 900 + len(self.comments), "user": BOT, "on": path.split("/")[1], **body})
            return 201, self.comments[-1]
        items, key = (self.comments, "id") if path.startswith("issues/comments/") else (self.issues, "number")
        (item,) = [item for item in items if item[key] == int(path.rsplit("/", 1)[1])]
        item.update(body)
        return 200, item


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    kept = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            assert self.headers["Authorization"] == "Bearer secret-token"
            parts = urlsplit(self.path)
            path = parts.path.removeprefix("/repos/owner/name/")
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            status, answer = kept.answer(self.command, path, parse_qs(parts.query), body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815 - names of the base class

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - name of the base class
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("GITHUB_REPOSITORY", "owner/name")
    monkeypatch.setenv("GITHUB_TOKEN", "secret-token")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example")
    monkeypatch.setenv("GITHUB_RUN_ID", "77")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield kept
    server.shutdown()
    server.server_close()


@pytest.fixture
def event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "event.json"
    path.write_text(
        json.dumps(
            {
                "workflow_run": {
                    "event": "pull_request",
                    "head_sha": COMMIT,
                    "head_branch": "branch",
                    "head_repository": {"full_name": "fork/name"},
                    "html_url": "https://github.example/owner/name/actions/runs/1",
                }
            }
        )
    )
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(path))
    return path


def written(tmp_path: Path, *, number: int | None = 7, label: str = "Deployment shop/web") -> str:
    change = Change(operation="update", urn="u", type="t", label=label, diff="-a: 1\n+a: 2")
    stack = StackDifference(stack="dev", state="both", changes=(change,))
    path = tmp_path / "difference.json"
    path.write_text(Difference(base="b", head="h", pull_request=number, stacks=(stack,)).model_dump_json())
    return str(path)


def test_one_comment_is_written_and_then_renewed(github: GitHub, event: Path, tmp_path: Path, slipway: Slipway) -> None:
    github.pull(7)
    github.comments.append({"id": 1, "user": {"login": "somebody"}, "body": f"{MARKER} mine"})
    assert slipway("github", "comment", written(tmp_path)).exit_code == 0
    assert [comment["on"] for comment in github.comments[1:]] == ["7"]
    assert github.comments[1]["body"].startswith(MARKER)
    same = slipway("github", "comment", written(tmp_path))
    assert "says it already" in same.stdout
    other = slipway("github", "comment", written(tmp_path, label="Deployment shop/other"))
    assert "renewed the comment on pull request 7" in other.stdout
    assert len(github.comments) == 2
    assert "shop/other" in github.comments[1]["body"]
    assert github.comments[0]["body"].endswith("mine")
    assert github.queries[0][1]["head"] == ["fork:branch"]
    assert event.is_file()


def test_our_comment_is_found_on_a_later_page(github: GitHub, event: Path, tmp_path: Path, slipway: Slipway) -> None:
    github.pull(7)
    github.comments += [{"id": i, "user": BOT, "body": "other"} for i in range(250)]
    github.comments.append({"id": 999, "user": BOT, "body": f"{MARKER}\nold"})
    slipway("github", "comment", written(tmp_path))
    assert github.writes == [("PATCH", "issues/comments/999")]
    assert event.is_file()


@pytest.mark.usefixtures("event")
def test_a_difference_cannot_name_another_pull_request(github: GitHub, tmp_path: Path, slipway: Slipway) -> None:
    github.pull(7)
    github.pull(8, sha="b" * 40)
    result = slipway("github", "comment", written(tmp_path, number=8))
    assert result.exit_code == 1
    assert "says pull request 8" in result.stderr
    assert github.writes == []


@pytest.mark.usefixtures("event")
def test_another_fork_with_the_same_commit_is_not_meant(github: GitHub, tmp_path: Path, slipway: Slipway) -> None:
    github.pull(7, repository="stranger/name")
    result = slipway("github", "comment", written(tmp_path))
    assert result.exit_code == 0
    assert "no open pull request" in result.stdout
    assert github.writes == []


@pytest.mark.usefixtures("event")
@pytest.mark.parametrize("content", [None, "", "[]", '{"base": "<b>@everyone</b>", "x": "`"}'])
def test_what_is_no_difference_becomes_a_note(
    github: GitHub, tmp_path: Path, slipway: Slipway, content: str | None
) -> None:
    github.pull(7)
    path = tmp_path / "difference.json"
    if content is not None:
        path.write_text(content)
    assert slipway("github", "comment", str(path)).exit_code == 0
    (comment,) = github.comments
    assert comment["body"].startswith(MARKER)
    assert "The difference is missing" in comment["body"]
    assert "everyone" not in comment["body"]


@pytest.mark.usefixtures("event")
def test_several_pull_requests_of_one_commit_need_the_number(github: GitHub, tmp_path: Path, slipway: Slipway) -> None:
    github.pull(7)
    github.pull(9)
    assert slipway("github", "comment", written(tmp_path, number=None)).exit_code == 1
    assert slipway("github", "comment", written(tmp_path, number=9)).exit_code == 0
    assert [comment["on"] for comment in github.comments] == ["9"]


def test_a_run_that_was_not_for_a_pull_request_is_refused(
    github: GitHub, event: Path, tmp_path: Path, slipway: Slipway
) -> None:
    event.write_text(event.read_text().replace("pull_request", "push"))
    result = slipway("github", "comment", written(tmp_path))
    assert result.exit_code == 1
    assert "not for a pull request" in result.stderr
    event.write_text("{}")
    assert "is no event" in slipway("github", "comment", written(tmp_path)).stderr
    assert github.writes == []


@pytest.mark.usefixtures("event")
def test_a_refusal_is_told_in_one_sentence(github: GitHub, tmp_path: Path, slipway: Slipway) -> None:
    github.refuse = 403
    result = slipway("github", "comment", written(tmp_path))
    assert result.exit_code == 1
    assert "403 Resource not accessible by integration" in result.stderr
    assert "secret-token" not in result.stderr + result.stdout


@pytest.mark.parametrize(("name", "value"), [("GITHUB_TOKEN", ""), ("GITHUB_REPOSITORY", "../x")])
@pytest.mark.usefixtures("event", "github")
def test_a_run_without_its_variables_is_told(
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


def test_one_issue_is_opened_renewed_and_closed(github: GitHub, tmp_path: Path, slipway: Slipway) -> None:
    github.issues.append(
        {"number": 1, "user": {"login": "x"}, "state": "open", "body": "<!-- slipway:report:drift -->"}
    )
    assert "no issue is open" in slipway("github", "report", reports(tmp_path, dev=0), *DRIFT).stdout
    assert "opened issue 41" in slipway("github", "report", reports(tmp_path, dev=0, prod=2), *DRIFT).stdout
    issue = github.issues[1]
    assert issue["title"] == "Drift of the stacks"
    assert "### `prod`: exit code 2" in issue["body"]
    assert "````text\noutput of prod\n```\nred\n````" in issue["body"]
    assert "Nothing to tell: `dev`" in issue["body"]
    assert "https://github.example/owner/name/actions/runs/77" in issue["body"]
    assert "renewed issue 41" in slipway("github", "report", reports(tmp_path, dev=2, prod=2), *DRIFT).stdout
    assert len(github.issues) == 2
    assert "output of dev" in issue["body"]
    assert "closed issue 41" in slipway("github", "report", reports(tmp_path, dev=0, prod=0), *DRIFT).stdout
    assert issue["state"] == "closed"
    assert "opened issue 42" in slipway("github", "report", reports(tmp_path, prod=1), *DRIFT).stdout
    other = slipway("github", "report", reports(tmp_path, prod=1), "--key", "audit", "--title", "Audit")
    assert "opened issue 43" in other.stdout


def test_a_long_report_fits(github: GitHub, tmp_path: Path, slipway: Slipway) -> None:
    directory = reports(tmp_path, dev=2, prod=2)
    for path in (tmp_path / "reports").rglob("*.txt"):
        path.write_text("".join(f"line {n}\n" for n in range(30_000)))
    assert slipway("github", "report", directory, *DRIFT).exit_code == 0
    body: str = github.issues[0]["body"]
    assert len(body) <= COMMENT_LIMIT
    assert len(re.findall(r"characters left out", body)) == 2
    assert "line 29999" in body


def test_an_empty_report_does_not_close_the_issue(github: GitHub, tmp_path: Path, slipway: Slipway) -> None:
    slipway("github", "report", reports(tmp_path, prod=2), *DRIFT)
    (tmp_path / "empty").mkdir()
    result = slipway("github", "report", str(tmp_path / "empty"), *DRIFT)
    assert result.exit_code == 1
    assert github.issues[0]["state"] == "open"


def test_a_key_is_one_word(github: GitHub, tmp_path: Path, slipway: Slipway) -> None:
    result = slipway("github", "report", reports(tmp_path, prod=2), "--key", "a -->", "--title", "x")
    assert result.exit_code == 1
    assert github.writes == []


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
