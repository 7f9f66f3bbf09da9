"""The comment on a pull request, written by a run that has a token but none of the pull request's code.

The difference comes from a run of the pull request's own code. Nothing in it is believed: it is data of a strict
format, this code makes the text, and which pull request it is about is what GitHub says of the run, not what the file
says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ops.compare.markdown import MARKER, comment
from ops.compare.model import Difference, read
from ops.errors import OpsError
from ops.github.api import Repository, is_ours

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Run:
    """The run that made the difference, as GitHub tells it in the event `workflow_run`.

    Attributes:
        commit: SHA of the pull request's last commit.
        branch: Its branch.
        repository: Repository of that branch, a fork or not, `owner/name`.
        url: Where to look at the run.
    """

    commit: str
    branch: str
    repository: str
    url: str


def run_of(event: Path) -> Run:
    """The run that an event is about.

    Args:
        event: File of the event (GITHUB_EVENT_PATH).

    Returns:
        The run.

    Raises:
        OpsError: The file is no event of a pull request's run.
    """
    try:
        content = cast("Mapping[str, Any]", json.loads(event.read_text(encoding="utf-8"))["workflow_run"])
        kind = content["event"]
        run = Run(
            str(content["head_sha"]),
            str(content["head_branch"]),
            str(content["head_repository"]["full_name"]),
            str(content["html_url"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OpsError(f"{event} is no event `workflow_run`: {type(error).__name__} {error}") from None
    if kind != "pull_request":
        raise OpsError(f"{event} is about a run for {kind!r}, not for a pull request")
    return run


def publish(difference: Path, run: Run, repository: Repository) -> str:
    """Write or renew the comment.

    Args:
        difference: What `slipway compare --json` wrote in the run; may be missing.
        run: The run.
        repository: The repository with the pull request.

    Returns:
        What was done, in a sentence.

    Raises:
        OpsError: The difference names another pull request than the run's, or GitHub refuses.
    """
    found: Difference | None = None
    trouble = ""
    try:
        found = read(difference)
    except OpsError as error:
        trouble = str(error)
    numbers = pull_requests(run, repository)
    if not numbers:
        return f"no open pull request has the commit {run.commit}; nothing is written"
    claimed = found.pull_request if found else None
    if claimed is not None and claimed not in numbers:
        raise OpsError(
            f"the difference says pull request {claimed}, but the run's commit {run.commit} belongs to "
            f"{', '.join(map(str, numbers))}; nothing is written"
        )
    if claimed is None and len(numbers) > 1:
        raise OpsError(f"the commit {run.commit} belongs to several pull requests ({numbers}) and none is named")
    number = claimed or numbers[0]
    more = f"All of it is in the artifact `difference` of the [run]({run.url})."
    text = comment(found, more=more) if found else _without(run, trouble)
    return _upsert(repository, number, text)


def pull_requests(run: Run, repository: Repository) -> list[int]:
    """Numbers of the open pull requests whose last commit a run was for.

    A run for a fork does not name its pull request, so the list is asked for by the branch.

    Args:
        run: The run.
        repository: The repository with the pull requests.

    Returns:
        The numbers, in ascending order.

    Raises:
        OpsError: GitHub refuses.
    """
    owner = run.repository.partition("/")[0]
    entries = repository.pages("pulls", state="open", head=f"{owner}:{run.branch}")
    return sorted(
        int(entry["number"])
        for entry in entries
        if entry["head"]["sha"] == run.commit
        and cast("Mapping[str, Any]", entry["head"].get("repo") or {}).get("full_name") == run.repository
        and entry["base"]["repo"]["full_name"] == repository.name
    )


def _without(run: Run, trouble: str) -> str:
    said = "".join(sign if sign.isalnum() or sign in " .,:;/-" else " " for sign in trouble)[:300]
    return f"{MARKER}\n## What this changes\n\nThe difference is missing: {said}. See the [run]({run.url}).\n"


def _upsert(repository: Repository, number: int, text: str) -> str:
    comments = repository.pages(f"issues/{number}/comments")
    mine = next((entry for entry in comments if is_ours(entry, MARKER)), None)
    if mine is None:
        repository.call("POST", f"issues/{number}/comments", json={"body": text})
        return f"commented on pull request {number}"
    if mine["body"].strip() == text.strip():
        return f"the comment on pull request {number} says it already"
    repository.call("PATCH", f"issues/comments/{mine['id']}", json={"body": text})
    return f"renewed the comment on pull request {number}"
