"""docs/settings.md: every setting, as the models have it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from stacks.settings import Settings
from stacks.settings.reference import Entry, entries, find, markdown
from tests.support import golden

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = Path(__file__).resolve().parents[3] / "docs" / "settings.md"


def test_the_reference_is_kept_current() -> None:
    if os.environ.get(golden.UPDATE):
        KEPT.write_text(markdown(), encoding="utf-8")
    assert KEPT.read_text(encoding="utf-8") == markdown(), f"{golden.UPDATE}=1 pytest {Path(__file__).name}"


def _with(entry: Entry) -> dict[str, Any]:
    """Settings that hold the example of an entry, and of each mapping that it is in."""
    parts = entry.path.split(".")
    data: dict[str, Any] = {}
    for depth in range(1, len(parts) + 1):
        path = ".".join(parts[:depth])
        found = next(e for e in entries() if e.path == path and e.kind in ("", entry.kind))
        parent = data
        for part in parts[: depth - 1]:
            parent = parent[part]
        parent[parts[depth - 1]] = yaml.safe_load(found.example)
    return data


def _wrong(entry: Entry) -> Iterator[str]:
    try:
        Settings.model_validate(yaml.safe_load(yaml.safe_dump(_with(entry)).replace("<name>", "main")))
    except ValidationError as error:
        wanted = entry.path.replace("<name>", "main")
        for detail in error.errors():
            # Rules between settings are told at the root; the kind is a level that the file does not have.
            where = [str(part) for i, part in enumerate(detail["loc"]) if not (i == 2 and part == entry.kind)]
            if ".".join(where).startswith(wanted):
                yield detail["msg"]


def test_every_setting_says_what_it_is_and_has_an_example_that_is_right() -> None:
    wrong = {entry.path: list(_wrong(entry)) for entry in entries()}
    assert {path: messages for path, messages in wrong.items() if messages} == {}
    assert [entry.path for entry in entries() if not entry.about.endswith(".") or not entry.type] == []


def test_a_names_place_is_taken_by_the_names_of_a_stack_file() -> None:
    assert {entry.kind for entry in find("clusters.local.registry")} == {"embedded", "existing", "gke", "eks"}
    assert [entry.path for entry in find("apps.nginx.autoscale")][:2] == [
        "apps.nginx.autoscale",
        "apps.nginx.autoscale.minReplicas",
    ]
