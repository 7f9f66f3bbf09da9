"""One issue for a report that is made again and again: opened, renewed, and closed when there is nothing to tell."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from ops.compare.markdown import COMMENT_LIMIT
from ops.errors import OpsError
from ops.github import gh

if TYPE_CHECKING:
    from pathlib import Path

_NAME = re.compile(r"(?P<section>[\w.-]+)\.exit-(?P<code>\d{1,3})\.txt")


class Section(NamedTuple):
    """What a command said about something, for example a stack; exit code 0: there is nothing to tell."""

    name: str
    code: int
    text: str


def sections(directory: Path) -> list[Section]:
    """What commands said, by name, from files `<name>.exit-<code>.txt` anywhere below a directory. Raises OpsError
    without any: a report that is silently empty would close the issue."""
    found = [
        Section(match["section"], int(match["code"]), path.read_text(encoding="utf-8", errors="replace"))
        for path in directory.rglob("*.txt")
        if (match := _NAME.fullmatch(path.name))
    ]
    if not found:
        raise OpsError(f"{directory} holds no file <name>.exit-<code>.txt, so there is nothing to report")
    return sorted(found)


def body(title: str, marker: str, parts: list[Section], run: str) -> str:
    """The issue in Markdown; long outputs are cut in the middle so that GitHub takes it."""
    telling = [part for part in parts if part.code]
    quiet = [part.name for part in parts if not part.code]
    text = f"{marker}\n{title}, as the [last run]({run}) saw it.\n"
    if quiet:
        text += f"\nNothing to tell: {', '.join(f'`{name}`' for name in quiet)}.\n"
    share = (COMMENT_LIMIT - len(text) - 500) // max(1, len(telling)) - 200
    for part in telling:
        said = re.sub(r"\x1b\[[0-9;]*m", "", part.text).strip()
        if len(said) > share:
            said = f"{said[: share // 2]}\n… {len(said) - share} characters left out …\n{said[-(share // 2) :]}"
        fence = "`" * max(3, max((len(found) for found in re.findall(r"`+", said)), default=0) + 1)
        text += f"\n### `{part.name}`: exit code {part.code}\n\n{fence}text\n{said}\n{fence}\n"
    return text


def publish(key: str, title: str, parts: list[Section]) -> str:
    """Open, renew or close the one open issue of a kind of report; returns what was done. The key is one word."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", key):
        raise OpsError(f"--key is {key!r}; it must be a short word of lower-case letters, digits and '-'")
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    run = f"{server}/{gh.repository()}/actions/runs/{os.environ.get('GITHUB_RUN_ID', '')}"
    marker = f"<!-- slipway:report:{key} -->"
    issues = gh.entries(f"issues?state=open&per_page=100&creator={quote(gh.BOT)}")
    mine = next((entry for entry in issues if gh.is_ours(entry, marker) and "pull_request" not in entry), None)
    if not any(part.code for part in parts):
        if mine is None:
            return "nothing to tell, and no issue is open"
        gh.call("POST", f"issues/{mine['number']}/comments", body=f"Gone, says the [last run]({run}).")
        gh.call("PATCH", f"issues/{mine['number']}", state="closed", state_reason="completed")
        return f"closed issue {mine['number']}"
    text = body(title, marker, parts, run)
    if mine is None:
        return f"opened issue {gh.call('POST', 'issues', title=title, body=text)['number']}"
    gh.call("PATCH", f"issues/{mine['number']}", title=title, body=text)
    return f"renewed issue {mine['number']}"
