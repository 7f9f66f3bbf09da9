"""A difference as one comment in GitHub's Markdown."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from ops.compare.model import OPERATIONS, Change, Difference, StackDifference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MARKER = "<!-- slipway:difference -->"
"""First line of the comment; by it the comment is found again."""
COMMENT_LIMIT = 65_536
"""Characters that GitHub takes in a comment (https://docs.github.com/en/rest/issues/comments); counted in UTF-16."""
ALLOW_LABEL = "allow-stateful"
"""Label of a pull request that allows the loss of what is stateful."""
_SIGNS = {"delete": "🗑️", "replace": "♻️", "update": "✏️", "create": "🆕"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
"""Signs that GitHub refuses, or that turn the direction of what follows."""
_DIFF_LINES = 120
_NAMES_SHOWN = 12
_GROUP = 3
"""From this many resources with the same change on, it is shown once."""


def comment(difference: Difference, *, more: str = "") -> str:
    """The comment as Markdown, the marker first. What does not fit is left out, the harmless first, with a note; `more`
    says, as Markdown, where the rest is."""
    head = "\n".join([MARKER, *_head(difference)]) + "\n"
    parts = list(_details(difference))
    reserve = 400 + _length(more)
    shown: list[str] = []
    space = COMMENT_LIMIT - _length(head) - reserve
    for part in parts:
        if _length(part) + 1 > space:
            break
        shown.append(part)
        space -= _length(part) + 1
    text = head + "\n".join(shown)
    if len(shown) < len(parts):
        text += (
            f"\n\n> [!NOTE]\n> **Cut here**: {len(parts) - len(shown)} of {len(parts)} parts do not fit into a comment"
        )
        text += f" of {COMMENT_LIMIT:,} characters. {more}" if more else f" of {COMMENT_LIMIT:,} characters."
    # The head alone can be too long (thousands of dangers): cut hard rather than not say anything.
    while _length(text) > COMMENT_LIMIT:
        text = text[: COMMENT_LIMIT - 200].rpartition("\n")[0] + "\n\n**Cut here**: more does not fit into a comment."
    return _CONTROL.sub("", text).rstrip("\n") + "\n"


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def code(text: str) -> str:
    """Text as a code span that holds whatever it says, in a table as well."""
    flat = re.sub(r"\s+", " ", text).replace("|", "\\|")
    fence = "`" * (max((len(run) for run in re.findall(r"`+", flat)), default=0) + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def prose(text: str) -> str:
    """A sentence of ours with code spans in it; the rest is escaped and can mention nobody."""
    spans = re.split(r"(`[^`]*`)", re.sub(r"\s+", " ", text))
    return "".join(code(s[1:-1]) if s.startswith("`") and len(s) > 1 else _escaped(s) for s in spans)


def _escaped(text: str) -> str:
    text = re.sub(r"([\\*_~\[\]()#|!])", r"\\\1", html.escape(text, quote=False))
    # A space of no width: neither a mention nor a link.
    return re.sub(r"(@|:|www)(?=\w|//|\.)", "\\1\u200b", text)


def _raw(text: str) -> str:
    """Text inside an HTML line, where Markdown is not read."""
    flat = html.escape(re.sub(r"\s+", " ", text), quote=False)
    for sign in "[]`*_":
        flat = flat.replace(sign, f"&#{ord(sign)};")
    return re.sub(r"@(?=\w)", "@\u200b", flat)


def _fenced(text: str, language: str) -> str:
    fence = "`" * max(3, max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _head(difference: Difference) -> Iterator[str]:
    yield "## What this changes"
    yield ""
    yield f"{code(difference.head)} compared with {code(difference.base)}; rendered, no cloud or cluster was asked."
    yield ""
    yield from _verdict(difference)
    yield f"| stack | {' | '.join(f'{_SIGNS[name]} {name}' for name in reversed(OPERATIONS))} | unchanged |"
    yield f"| --- |{' ---: |' * (len(OPERATIONS) + 1)}"
    for stack in sorted(difference.stacks, key=lambda s: (not s.dangers, s.stack)):
        yield _row(stack)
    yield ""
    for stack in difference.stacks:
        yield from _about(stack)
    for note in difference.notes:
        yield f"- {prose(note)}"


def _verdict(difference: Difference) -> Iterator[str]:
    dangers = difference.dangers
    broken = [stack for stack in difference.stacks if stack.base_error or stack.head_error]
    if dangers:
        subject = "1 resource loses" if len(dangers) == 1 else f"{len(dangers)} resources lose"
        yield "> [!CAUTION]"
        yield f"> **{subject} something that does not come back by itself.**"
        yield ">"
        for stack, change in dangers[:50]:
            yield (
                f"> - {_SIGNS[change.operation]} **{change.operation}** {code(change.label)} in {code(stack)}: "
                + prose("; ".join([change.danger or "", *change.reasons]))
            )
        if len(dangers) > 50:
            yield f"> - and {len(dangers) - 50} more, below"
        yield ">"
        yield (
            f"> Allowed by the label {code(ALLOW_LABEL)}."
            if difference.allowed
            else f"> This check fails until the label {code(ALLOW_LABEL)} is set."
        )
        yield ""
    elif broken:
        yield "> [!WARNING]"
        yield "> **Not every stack could be rendered**: what would be lost there is unknown."
        yield ""
    elif not any(stack.changes or stack.files for stack in difference.stacks):
        yield "**Nothing changes**, in no stack."
        yield ""


def _row(stack: StackDifference) -> str:
    name = code(stack.stack) + {"new": " (new)", "removed": " (removed)"}.get(stack.state, "")
    if stack.state == "unknown":
        return f"| {name} | ? | ? | ? | ? | not rendered |"
    counts = [stack.count(operation) for operation in reversed(OPERATIONS)]
    lost = {operation: sum(c.operation == operation for c in stack.dangers) for operation in OPERATIONS}
    cells = [
        f"**{count}** ⚠️" if lost[operation] else str(count)
        for operation, count in zip(reversed(OPERATIONS), counts, strict=True)
    ]
    return f"| {name} | {' | '.join(cells)} | {stack.unchanged} |"


def _about(stack: StackDifference) -> Iterator[str]:
    for side, error in (("base", stack.base_error), ("head", stack.head_error)):
        if error:
            yield f"**{code(stack.stack)} cannot be rendered on the {side} side:**"
            yield ""
            yield _fenced(error[:4_000], "text")
            yield ""
    if stack.state == "removed":
        yield (
            f"The file of the stack {code(stack.stack)} goes away. Its resources stay as they are, managed by nobody, "
            "unless `slipway down` is run before."
        )
        yield ""


def _details(difference: Difference) -> Iterator[str]:
    """Every change, the dangers of all stacks first."""
    for dangerous in (True, False):
        for stack in difference.stacks:
            some = [change for change in stack.changes if bool(change.danger) == dangerous]
            # A deletion has no diff: one line each.
            plain = [change for change in some if not change.diff]
            blocks = [_listed(plain, dangerous=dangerous)] if plain else []
            blocks += [_block(group) for group in _groups([change for change in some if change.diff])]
            for index, block in enumerate(blocks):
                title = f"\n### {code(stack.stack)}{': ⚠️ what is lost' if dangerous else ''}\n\n" if index == 0 else ""
                yield title + block
    for stack in difference.stacks:
        if stack.files:
            names = "\n".join(f"- {code(path)}" for path in stack.files)
            yield f"\n### {code(stack.stack)}\n\nNo resource differs, but these files of manifests do:\n\n{names}"


def _listed(changes: Sequence[Change], *, dangerous: bool) -> str:
    counts = {name: sum(change.operation == name for change in changes) for name in OPERATIONS}
    summary = ", ".join(f"{_SIGNS[name]} {name} {count}" for name, count in counts.items() if count)
    lines = [f"<details><summary>{'⚠️ ' if dangerous else ''}{summary}</summary>", ""]
    for change in changes:
        why = prose("; ".join([*([change.danger] if change.danger else []), *change.reasons]))
        lines.append(f"- {code(change.label)}{': ' if why else ''}{why}")
    return "\n".join([*lines, "", "</details>"])


def _groups(changes: Sequence[Change]) -> Iterator[list[Change]]:
    alike: dict[tuple[object, ...], list[Change]] = {}
    for change in changes:
        kind = change.label.partition(" ")[0] if change.operation == "update" else change.urn
        lines = tuple(line for line in change.diff.splitlines() if line[:1] in {"+", "-"})
        alike.setdefault((change.operation, kind, change.reasons, lines), []).append(change)
    for group in alike.values():
        if len(group) < _GROUP:
            yield from ([change] for change in group)
        else:
            yield group


def _block(group: Sequence[Change]) -> str:
    first = group[0]
    kind = first.label.partition(" ")[0]
    what = first.label if len(group) == 1 else f"{len(group)} {kind}, all alike"
    summary = f"{_SIGNS[first.operation]} {first.operation} <code>{_raw(what)}</code>"
    if first.danger:
        summary = f"⚠️ <b>{summary}</b>"
    lines = [f"<details><summary>{summary}</summary>", ""]
    if first.danger:
        lines += [f"Lost: {prose(first.danger)}.", ""]
    lines += [f"- {prose(reason)}" for reason in first.reasons]
    if first.reasons:
        lines.append("")
    if len(group) > 1:
        names = ", ".join(code(change.label.partition(" ")[2]) for change in group[:_NAMES_SHOWN])
        rest = f" and {len(group) - _NAMES_SHOWN} more" if len(group) > _NAMES_SHOWN else ""
        lines += [f"{names}{rest}; the first of them:", ""]
    if first.diff:
        shown = first.diff.splitlines()
        cut = shown[:_DIFF_LINES] + ([f"… {len(shown) - _DIFF_LINES} more lines"] if len(shown) > _DIFF_LINES else [])
        lines += [_fenced("\n".join(cut), "diff"), ""]
    return "\n".join([*lines, "</details>"])
