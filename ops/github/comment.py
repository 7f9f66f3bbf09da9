"""The comment on a pull request, written by a run that has a token but none of the pull request's code.

The difference comes from a run of the pull request's own code. Nothing in it is believed: it is data of a strict
format, this code makes the text, and which pull request it is about is what GitHub says of the run, not what the file
says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from ops.compare.markdown import MARKER, comment
from ops.compare.model import read
from ops.errors import OpsError
from ops.github import gh

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Run:
    """The run that made the difference; the repository is that of its branch: a fork, or not."""

    commit: str
    branch: str
    repository: str
    url: str


def run_of(event: Path) -> Run:
    """The run that an event `workflow_run` (a file, GITHUB_EVENT_PATH) is about; raises OpsError for other events."""
    try:
        run = json.loads(event.read_text(encoding="utf-8"))["workflow_run"]
        kind, head = run["event"], run["head_repository"]["full_name"]
        found = Run(str(run["head_sha"]), str(run["head_branch"]), str(head), str(run["html_url"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OpsError(f"{event} is no event `workflow_run`: {type(error).__name__} {error}") from None
    if kind != "pull_request":
        raise OpsError(f"{event} is about a run for {kind!r}, not for a pull request")
    return found


def publish(difference: Path, run: Run) -> str:
    """Write or renew the comment with what `slipway compare --json` wrote in the run; returns what was done. Raises
    OpsError where the difference names another pull request than the run's, or GitHub refuses."""
    try:
        found = read(difference)
        claimed = found.pull_request
        text = comment(found, more=f"All of it is in the artifact `difference` of the [run]({run.url}).")
    except OpsError as error:
        claimed, text = None, _without(run, str(error))
    numbers = pull_requests(run)
    if not numbers:
        return f"no open pull request has the commit {run.commit}; nothing is written"
    if claimed is not None and claimed not in numbers:
        raise OpsError(
            f"the difference says pull request {claimed}, but the run's commit {run.commit} belongs to "
            f"{', '.join(map(str, numbers))}; nothing is written"
        )
    if claimed is None and len(numbers) > 1:
        raise OpsError(f"the commit {run.commit} belongs to several pull requests ({numbers}) and none is named")
    return _upsert(claimed or numbers[0], text)


def pull_requests(run: Run) -> list[int]:
    """Numbers of the open pull requests whose last commit a run was for, in ascending order. A run for a fork does not
    name its pull request, so the list is asked for by the branch."""
    query = urlencode({"state": "open", "per_page": 100, "head": f"{run.repository.partition('/')[0]}:{run.branch}"})
    return sorted(
        int(entry["number"])
        for entry in gh.entries(f"pulls?{query}")
        if entry["head"]["sha"] == run.commit
        and entry["head"].get("repo") is not None  # a fork that was deleted
        and entry["head"]["repo"]["full_name"] == run.repository
        and entry["base"]["repo"]["full_name"] == gh.repository()
    )


def _without(run: Run, trouble: str) -> str:
    said = "".join(sign if sign.isalnum() or sign in " .,:;/-" else " " for sign in trouble)[:300]
    return f"{MARKER}\n## What this changes\n\nThe difference is missing: {said}. See the [run]({run.url}).\n"


def _upsert(number: int, text: str) -> str:
    comments = gh.entries(f"issues/{number}/comments?per_page=100")
    mine = next((entry for entry in comments if gh.is_ours(entry, MARKER)), None)
    if mine is None:
        gh.call("POST", f"issues/{number}/comments", body=text)
        return f"commented on pull request {number}"
    if mine["body"].strip() == text.strip():
        return f"the comment on pull request {number} says it already"
    gh.call("PATCH", f"issues/comments/{mine['id']}", body=text)
    return f"renewed the comment on pull request {number}"
