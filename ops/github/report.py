"""One issue for a report that is made again and again: opened, renewed, and closed when there is nothing to tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.compare.markdown import COMMENT_LIMIT
from ops.errors import OpsError
from ops.github.api import BOT, Repository, is_ours

if TYPE_CHECKING:
    from pathlib import Path

_NAME = re.compile(r"(?P<section>[\w.-]+)\.exit-(?P<code>\d{1,3})\.txt")


@dataclass(frozen=True)
class Section:
    """What one command said.

    Attributes:
        name: What it was about, for example a stack.
        code: Its exit code; 0: there is nothing to tell.
        text: Its output.
    """

    name: str
    code: int
    text: str


def sections(directory: Path) -> list[Section]:
    """What commands said, from files `<name>.exit-<code>.txt` anywhere below a directory.

    Args:
        directory: The directory.

    Returns:
        The sections by name.

    Raises:
        OpsError: There is none: a report that is silently empty would close the issue.
    """
    found = [
        Section(match["section"], int(match["code"]), path.read_text(encoding="utf-8", errors="replace"))
        for path in sorted(directory.rglob("*.txt"))
        if (match := _NAME.fullmatch(path.name))
    ]
    if not found:
        raise OpsError(f"{directory} holds no file <name>.exit-<code>.txt, so there is nothing to report")
    return sorted(found, key=lambda section: section.name)


def body(title: str, marker: str, parts: list[Section], *, run: str, limit: int = COMMENT_LIMIT) -> str:
    """Text of the issue.

    Args:
        title: What is reported.
        marker: First line.
        parts: What the commands said.
        run: Address of the run that made the report.
        limit: Characters at most; long outputs are cut in the middle.

    Returns:
        Markdown.
    """
    telling = [part for part in parts if part.code]
    quiet = [part.name for part in parts if not part.code]
    head = f"{marker}\n{title}, as the [last run]({run}) saw it.\n"
    if quiet:
        head += f"\nNothing to tell: {', '.join(f'`{name}`' for name in quiet)}.\n"
    share = (limit - len(head) - 500) // max(1, len(telling)) - 200
    for part in telling:
        text = re.sub(r"\x1b\[[0-9;]*m", "", part.text).strip()
        if len(text) > share:
            text = f"{text[: share // 2]}\n… {len(text) - share} characters left out …\n{text[-(share // 2) :]}"
        fence = "`" * max(3, max((len(found) for found in re.findall(r"`+", text)), default=0) + 1)
        head += f"\n### `{part.name}`: exit code {part.code}\n\n{fence}text\n{text}\n{fence}\n"
    return head


def publish(key: str, title: str, parts: list[Section], *, run: str, repository: Repository) -> str:
    """Open, renew or close the issue.

    Args:
        key: What kind of report; there is one open issue for each.
        title: Title of the issue.
        parts: What the commands said.
        run: Address of the run that made the report.
        repository: The repository.

    Returns:
        What was done, in a sentence.

    Raises:
        OpsError: GitHub refuses.
    """
    marker = f"<!-- slipway:report:{key} -->"
    issues = repository.pages("issues", state="open", creator=BOT)
    mine = next((entry for entry in issues if is_ours(entry, marker) and "pull_request" not in entry), None)
    if not any(part.code for part in parts):
        if mine is None:
            return "nothing to tell, and no issue is open"
        repository.call(
            "POST", f"issues/{mine['number']}/comments", json={"body": f"Gone, says the [last run]({run})."}
        )
        repository.call("PATCH", f"issues/{mine['number']}", json={"state": "closed", "state_reason": "completed"})
        return f"closed issue {mine['number']}"
    text = body(title, marker, parts, run=run)
    if mine is None:
        made = repository.call("POST", "issues", json={"title": title, "body": text})
        return f"opened issue {made['number']}"
    repository.call("PATCH", f"issues/{mine['number']}", json={"title": title, "body": text})
    return f"renewed issue {mine['number']}"
