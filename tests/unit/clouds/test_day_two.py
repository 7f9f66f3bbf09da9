"""docs/day-two.md: each change of a setting, on prod and on a twin that may vanish, by what `slipway compare` finds."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, cast

import pytest

from ops.render.program import PROJECT_DIR
from stacks.settings.app_base import StatelessApp
from stacks.settings.apps import Apps
from stacks.settings.clouds import AwsCloud, DnsZone, GcpCloud
from stacks.settings.foundation import ArtifactRegistry, Database, Deployer, Ecr, State
from stacks.settings.managed import EksCluster, GkeCluster
from tests.support.day_two import STACKS, Row, rounds, rows, verdicts
from tests.support.golden import UPDATE
from tests.support.settings_tree import leaves

if TYPE_CHECKING:
    from stacks.settings.fields import Model

DOCUMENT = PROJECT_DIR / "docs" / "day-two.md"
BEGIN, END = "<!-- the matrix: written by tests/unit/clouds/test_day_two.py -->", "<!-- the end of the matrix -->"
PARTS: dict[str, type[Model]] = {
    "clouds.asia": GcpCloud,
    "clouds.tokyo": AwsCloud,
    "state": State,
    "zones.k8s": DnsZone,
    "registries.asia": ArtifactRegistry,
    "registries.tokyo": Ecr,
    "clusters.nginx-asia": GkeCluster,
    "clusters.staging": EksCluster,
    "databases.mysql": Database,
    "databases.postgres": Database,
    "deployers.asia": Deployer,
    "deployers.tokyo": Deployer,
}
QUICK = ("clusters.nginx-asia.nodes.scopes", "databases.postgres.size", "registries.tokyo.keep")
"""Rows of the quick test: one that is made anew, one that waits, one where the old has to go first."""


def matrix(stack: str, chosen: list[list[Row]] | None = None) -> dict[Row, str]:
    return {row: text for together in chosen or rounds(stack) for row, text in verdicts(stack, together).items()}


def lines(found: dict[str, dict[Row, str]]) -> list[str]:
    """The matrix as Markdown, a table for each part of the stack file."""
    text: list[str] = []
    for section in dict.fromkeys(row.section for row in rows()):
        text += ["", f"### {section}", "", "| change | prod | a twin that may vanish | |", "| --- | --- | --- | --- |"]
        for row in rows():
            if row.section == section:
                text.append(f"| {_change(row)} | {' | '.join(found[s].get(row, '') for s in STACKS)} | {row.note} |")
    return text


def _change(row: Row) -> str:
    key = f"`{row.key}`"
    before = row.both.get(row.key)
    if row.to is None:
        return f"{key} left out"
    return f"{key} {_short(before)} → {_short(row.to)}" if before is not None else f"{key} → {_short(row.to)}"


def _short(value: Any) -> str:
    text = f"[{', '.join(str(item) for item in cast('list[Any]', value))}]" if isinstance(value, list) else str(value)
    text = text.lower() if isinstance(value, bool) else text
    return f"`{text if len(text) <= 60 else text[:57] + '…'}`"


def kept() -> list[str]:
    """The matrix as it stands in the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    return text.partition(BEGIN)[2].partition(END)[0].strip("\n").split("\n")


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_the_document_says_what_each_change_does() -> None:
    found = lines({stack: matrix(stack) for stack in STACKS})
    if os.environ.get(UPDATE):
        text = DOCUMENT.read_text(encoding="utf-8")
        before, after = text.partition(BEGIN)[0], text.partition(END)[2]
        DOCUMENT.write_text(f"{before}{BEGIN}\n" + "\n".join(found) + f"\n\n{END}{after}", encoding="utf-8")
    assert [line for line in kept() if line] == [line for line in found if line]


def test_some_of_it_quickly() -> None:
    chosen = [row for row in rows() if row.key in QUICK]
    assert len(chosen) == len(QUICK)
    found = matrix("prod", [chosen])
    for row in chosen:
        line = f"| {_change(row)} | {found[row]} |"
        assert any(text.startswith(line) for text in kept()), line


@pytest.mark.parametrize("part", PARTS)
def test_every_setting_has_a_row(part: str) -> None:
    have = {row.key for row in rows()}
    assert {f"{part}.{leaf}" for leaf in leaves(PARTS[part])} - have == set()


def test_every_setting_of_every_app_has_a_row() -> None:
    have = {row.key for row in rows()}
    shared = set(leaves(StatelessApp))
    assert {key for key in shared if not any(re.fullmatch(rf"apps\.[^.]+\.{re.escape(key)}", k) for k in have)} == set()
    own = {
        f"apps.{field.alias or name}.{leaf}"
        for name, field in Apps.model_fields.items()
        for leaf in leaves(Apps, "")
        if leaf.startswith(f"{field.alias or name}.")
        for leaf in [leaf.partition(".")[2]]
        if leaf not in shared
    }
    assert len(own) > 15
    assert own - have == set()


def test_every_row_changes_something() -> None:
    """A row that changes nothing in the plan asks for what is there already, or says what happens outside of it."""
    lines_of_tables = [line for line in kept() if line.startswith("| `")]
    assert len(lines_of_tables) == len(rows())
    for line in lines_of_tables:
        _, *verdicts_of_row, note = line.removesuffix(" |").split(" | ")
        assert verdicts_of_row != ["nothing changes", "nothing changes"] or note.strip(), line


def test_nothing_that_is_lost_goes_unnamed() -> None:
    """A change that loses something says what: the document's word for it always comes with a name."""
    for line in kept():
        for cell in line.split(" | "):
            if "**lost**" in cell or "**refused**, protected" in cell:
                assert re.search(r"\*\*: \S.* \(.+\)|protected: \S.* \(.+\)", cell), line
