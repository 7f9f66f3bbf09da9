"""The files of our own backend after a kill: what keeps Pulumi from reading them goes, the rest stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.engines import own_state

if TYPE_CHECKING:
    from pathlib import Path


def test_empty_metadata_is_taken_away_and_all_else_stays(tmp_path: Path) -> None:
    stacks = tmp_path / ".pulumi" / "stacks" / "slipway"
    stacks.mkdir(parents=True)
    for name, text in {"dev.json": "{}", "dev.json.attrs": "", "prod.json": "", "prod.json.attrs": "{}"}.items():
        (stacks / name).write_text(text, encoding="utf-8")
    own_state.mend(tmp_path)
    assert sorted(file.name for file in stacks.iterdir()) == ["dev.json", "prod.json", "prod.json.attrs"]
    own_state.mend(tmp_path / "missing")


def test_half_written_states_of_the_stack_alone_are_taken_away(tmp_path: Path) -> None:
    stacks = tmp_path / ".pulumi" / "stacks" / "slipway"
    stacks.mkdir(parents=True)
    kept = ["dev.json", "dev.json.bak", "dev2.json.18ea391e3651505b.tmp"]
    for name in [*kept, "dev.json.18ea391e3651505b.tmp", "dev.json.bak.18ea391e3651505c.tmp"]:
        (stacks / name).touch()
    own_state.sweep(tmp_path, "dev")
    assert sorted(file.name for file in stacks.iterdir()) == kept


def test_no_metadata_is_written_to_begin_with(tmp_path: Path) -> None:
    assert own_state.url(tmp_path) == f"file://{tmp_path}?metadata=skip"
