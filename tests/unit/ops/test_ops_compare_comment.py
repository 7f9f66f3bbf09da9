"""The comment: what it says first, that it fits, and that nothing in it can break out of its place."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from ops.compare.markdown import COMMENT_LIMIT, MARKER, code, comment, prose
from ops.compare.model import SIZE_LIMIT_BYTES, Change, Difference, StackDifference, read
from ops.errors import OpsError

if TYPE_CHECKING:
    from pathlib import Path


def change(operation: str = "update", name: str = "web", **more: object) -> Change:
    base = {"operation": operation, "urn": f"urn:{name}", "type": "t", "label": f"Deployment shop/{name}"}
    return Change.model_validate({"diff": "" if operation == "delete" else f"-a: {name}\n+a: 2", **base, **more})


def difference(*changes: Change, **more: object) -> Difference:
    stack = StackDifference(stack="dev", state="both", changes=changes, unchanged=7)
    return Difference.model_validate({"base": "b" * 12, "head": "h" * 12, "stacks": (stack,), **more})


def test_nothing_changes() -> None:
    text = comment(difference())
    assert text.startswith(MARKER + "\n")
    assert "**Nothing changes**" in text
    assert "CAUTION" not in text
    assert "| `dev` | 0 | 0 | 0 | 0 | 7 |" in text


def test_what_is_lost_comes_first_and_loud() -> None:
    lost = change("delete", "db", danger="a database")
    text = comment(difference(change(), lost, change("create", "new")))
    assert text.index("[!CAUTION]") < text.index("| stack |") < text.index("<details>")
    assert text.index("what is lost") < text.index("shop/web</code>")
    assert "**1** ⚠️" in text
    assert "fails until the label `allow-stateful` is set" in text
    allowed = comment(difference(lost, allowed=True))
    assert "Allowed by the label `allow-stateful`" in allowed
    assert "fails until" not in allowed


def test_many_alike_are_shown_once() -> None:
    lines = "-  owner: a\n+  owner: b"
    many = [change(name=f"n{i}", diff=f"@@ -{i},1 +{i},1 @@\n name: n{i}\n{lines}") for i in range(40)]
    text = comment(difference(*many))
    assert "40 Deployment, all alike" in text
    assert text.count("```diff") == 1
    assert text.count("| 40 |") == 1


def test_it_fits_and_says_what_is_missing() -> None:
    many = [change(name=f"n{i}", diff="\n".join(f"+ {i} {j} 🚢" for j in range(100))) for i in range(400)]
    lost = change("delete", "db", danger="a database")
    text = comment(difference(*many, lost), more="The rest is [here](x).")
    assert len(text.encode("utf-16-le")) // 2 <= COMMENT_LIMIT
    assert len(text) > COMMENT_LIMIT / 2
    assert "a database" in text
    assert re.search(r"\*\*Cut here\*\*: \d+ of 401 parts do not fit into a comment of 65,536 characters", text)
    assert "The rest is [here](x)." in text
    assert text.count("<details>") == text.count("</details>")
    assert text.count("\n```") % 2 == 0


def test_thousands_of_losses_fit_as_well() -> None:
    many = [change("replace", "x" * 800 + str(i), danger="d" * 900, reasons=("r" * 900,)) for i in range(3_000)]
    text = comment(difference(*many))
    assert len(text.encode("utf-16-le")) // 2 <= COMMENT_LIMIT
    assert "**3000 resources lose" in text
    assert "Cut here" in text


HOSTILE = (
    *("```\n</details>\n# owned", "`a` | b", "<script>alert(1)</script>", "@everyone", "[x](http://evil)"),
    *("a\n\n# b", "````"),
)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_names_and_diffs_stay_in_their_place(hostile: str) -> None:
    lost = change("replace", hostile, danger=hostile, reasons=(hostile,), diff=f"+ {hostile}")
    text = comment(difference(lost, notes=(hostile,)))
    outside = _without_code(text)
    assert not [text for text in ("@everyone", "<script>", "](http", "\n# ") if text in outside]
    rows = [line for line in outside.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {7}


def _without_code(text: str) -> str:
    """What GitHub reads as Markdown: fenced blocks and code spans taken out, as CommonMark finds them."""
    kept: list[str] = []
    fence = ""
    for line in text.splitlines():
        opening = re.match(r"(`{3,})[^`]*$", line)
        if fence:
            if re.fullmatch(rf"`{{{len(fence)},}}", line):
                fence = ""
        elif opening:
            fence = opening.group(1)
        else:
            kept.append(re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "CODE", line))
    assert not fence
    return "\n".join(kept)


def test_code_spans_hold_backticks() -> None:
    assert code("a`b") == "``a`b``"
    assert code("`a`") == "`` `a` ``"
    assert code("a|b") == "`a\\|b`"
    assert prose("is `a*b` now *c*") == "is `a*b` now \\*c\\*"


def test_signs_that_mislead_are_taken_out() -> None:
    text = comment(difference(change(name="a\x00b\x1b[31m\u202ec", diff="+ \u2066x\x07")))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", text)
    assert "shop/ab" in text


def test_a_side_that_cannot_be_rendered_is_told() -> None:
    stack = StackDifference(stack="dev", state="unknown", head_error="error: wrong\n```\nboo")
    found = difference(stacks=(stack,))
    text = comment(found)
    assert "cannot be rendered on the head side" in text
    assert "````text\nerror: wrong\n```\nboo\n````" in text
    assert found.blocked == ["dev: the head cannot be rendered"]
    assert difference(stacks=(stack,), allowed=True).blocked
    base = StackDifference(stack="dev", state="unknown", base_error="error: wrong")
    assert difference(stacks=(base,)).blocked
    assert not difference(stacks=(base,), allowed=True).blocked


def test_a_stack_that_goes_away_says_that_its_resources_stay() -> None:
    stack = StackDifference(stack="old", state="removed")
    assert "managed by nobody" in comment(difference(stacks=(stack,)))


def test_manifests_that_differ_alone_are_named() -> None:
    stack = StackDifference(stack="dev", state="both", files=("manifests/local/h2o.yaml",))
    text = comment(difference(stacks=(stack,)))
    assert "manifests/local/h2o.yaml" in text
    assert "Nothing changes" not in text


def test_it_survives_the_way_through_a_file(tmp_path: Path) -> None:
    found = difference(change(), change("delete", "db", danger="a database"), pull_request=7)
    path = tmp_path / "difference.json"
    path.write_text(found.model_dump_json())
    assert read(path) == found


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "null",
        '{"version": 2, "base": "b", "head": "h"}',
        '{"base": "b", "head": "h", "more": 1}',
        '{"base": "b", "head": 3}',
        '{"base": "b", "head": "h", "pull_request": "7"}',
        '{"base": "b", "head": "h", "pull_request": -7}',
        json.dumps({"base": "b" * 2_000, "head": "h"}),
        '{"base": "b", "head": "h", "stacks": [{"stack": "dev", "state": "owned"}]}',
        "\x00",
    ],
)
def test_what_is_no_difference_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "difference.json"
    path.write_text(content)
    with pytest.raises(OpsError, match=r"is not what `slipway compare --json` writes"):
        read(path)


def test_a_file_that_is_too_large_or_missing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "difference.json"
    with pytest.raises(OpsError, match="cannot be read"):
        read(path)
    with path.open("wb") as file:
        file.truncate(SIZE_LIMIT_BYTES + 1)
    with pytest.raises(OpsError, match="is larger than"):
        read(path)
