"""GitHub by its own CLI: `gh api` on the repository of the workflow's run."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

from ops.errors import OpsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BOT = "github-actions[bot]"
"""Who a workflow's own token is."""
_TIMEOUT_S = 120


def repository() -> str:
    """`owner/name` of the repository whose workflow runs this; raises OpsError if GITHUB_REPOSITORY has none."""
    name = os.environ.get("GITHUB_REPOSITORY", "")
    if not re.fullmatch(r"\w[\w.-]*/[\w.-]*\w[\w.-]*", name):
        raise OpsError(f"GITHUB_REPOSITORY is {name!r}; it must be owner/name, as in a workflow's run")
    return name


def call(method: str, path: str, **body: str) -> Any:
    """One request (https://docs.github.com/en/rest) below the repository, and its answer. Raises OpsError where `gh` is
    missing or has no token, or GitHub refuses."""
    return json.loads(_run(method, path, "--input", "-", text=json.dumps(body)))


def entries(path: str) -> Iterator[dict[str, Any]]:
    """Every entry of a list, page by page; raises as `call` does."""
    for line in _run("GET", path, "--paginate", "--jq", ".[]").split("\n"):
        if line:
            yield json.loads(line)


def is_ours(entry: Mapping[str, Any], marker: str) -> bool:
    """Whether a comment or issue was written by a workflow and begins with the marker; anybody can copy a marker."""
    author: Mapping[str, Any] = entry.get("user") or {}
    return author.get("login") == BOT and str(entry.get("body") or "").startswith(marker)


def _run(method: str, path: str, *options: str, text: str = "") -> str:
    command = ["gh", "api", "--method", method, f"repos/{repository()}/{path}", *options]
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except FileNotFoundError:
        raise OpsError("gh, GitHub's CLI, is not on PATH; install it: https://cli.github.com") from None
    except subprocess.TimeoutExpired:
        raise OpsError(f"GitHub does not answer {method} {path} within {_TIMEOUT_S} s") from None
    if done.returncode != 0:
        raise OpsError(f"GitHub: {method} {path}: {done.stderr.strip() or 'gh failed'}")
    return done.stdout
