"""Writes `bench/RESULTS.md`: what was measured, and the notes that people keep by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

HOME = Path(__file__).resolve().parent
DATA = HOME / "results.json"
NOTES = HOME / "NOTES.md"
RESULTS = HOME / "RESULTS.md"

TITLES = {
    "render": "Rendering",
    "startup": "Start-up",
    "growth": "Growth",
    "stack": "A stack on the embedded cluster",
    "cluster": "The embedded cluster",
    "scale": "Pods at scale",
    "engine": "Pulumi's engine",
    "fresh": "A fresh machine",
}
"""The parts in the order of the report."""
_INTRODUCTION = (
    "Written by `make bench`; `make bench ONLY=render` measures one part and leaves the others as they were. Each "
    "figure is the median of several runs, in brackets the smallest and the largest. What is compared ran in turn, "
    "ours, theirs, ours, …, in the same run on the same work. A ratio below 1 means that slipway takes less."
)
_NONE = "-"
_SHARED = ("processor", "cores", "memory", "system", "python")


def merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The results after a run of some parts; the others stay as they were measured before.

    Args:
        old: Part name to `{"facts", "rows"}` or `{"facts", "skipped"}`.
        new: The same, of this run.

    Returns:
        Both, in the order of the report. A part that was skipped now keeps the figures it has.
    """
    both = {**old, **{name: part for name, part in new.items() if "rows" in part or name not in old}}
    return {name: both[name] for name in TITLES if name in both}


def load() -> dict[str, Any]:
    """The results of earlier runs."""
    return cast("dict[str, Any]", json.loads(DATA.read_text(encoding="utf-8"))) if DATA.exists() else {}


def save(results: Mapping[str, Any]) -> None:
    """Keep the results and write the report."""
    DATA.write_text(json.dumps(results, indent=1, sort_keys=False) + "\n", encoding="utf-8")
    RESULTS.write_text(text(results, NOTES.read_text(encoding="utf-8") if NOTES.exists() else ""), encoding="utf-8")


def text(results: Mapping[str, Any], notes: str) -> str:
    """The report.

    Args:
        results: Part name to its rows.
        notes: What people keep by hand, as Markdown.

    Returns:
        Markdown.
    """
    lines = [
        "# Results",
        "",
        _INTRODUCTION,
    ]
    for name, part in results.items():
        lines += ["", f"## {TITLES[name]}", "", _about(part["facts"]), ""]
        if "skipped" in part:
            lines.append(f"Not measured: {part['skipped']}")
            continue
        lines += ["| what | slipway | against | theirs | ratio | aim |", "| --- | --- | --- | --- | --- | --- |"]
        lines += [_line(row) for row in part["rows"]]
        if noted := [f"- {row['what']}: {row['note']}" for row in part["rows"] if row["note"]]:
            lines += ["", *noted]
    return "\n".join(lines) + "\n" + (f"\n{notes.strip()}\n" if notes.strip() else "")


def _about(facts: Mapping[str, Any]) -> str:
    shared = ", ".join(
        f"{facts[name]} cores" if name == "cores" else f"Python {facts[name]}" if name == "python" else str(facts[name])
        for name in _SHARED
    )
    rest = ", ".join(
        f"{name} {value}" for name, value in facts.items() if name not in (*_SHARED, "date", "load", "commit")
    )
    return f"{facts['date']}, commit {facts['commit']}, load {facts['load']}. {shared}. {rest}."


def _number(value: float, unit: str) -> str:
    if unit == "s":
        return f"{value:.2f} s"
    if unit in ("min", "MiB/pod"):
        return f"{value:.1f} {unit}"
    return f"{value:,.1f} {unit}" if value < 100 and value != int(value) else f"{value:,.0f} {unit}"


def _values(values: list[float], unit: str, median: float) -> str:
    if len(values) == 1:
        return _number(values[0], unit)
    low, high = (_number(some, unit).removesuffix(f" {unit}") for some in (min(values), max(values)))
    return f"{_number(median, unit)} ({low} to {high})"


def _line(row: Mapping[str, Any]) -> str:
    theirs = _values(row["theirs"], row["unit"], row["other"]) if row["theirs"] else _NONE
    ratio = f"{row['ratio']:.2f}" if row["ratio"] is not None else _NONE
    aim = _NONE if row["aim"] is None else f"≤ {row['aim']:.2f}: {'met' if row['met'] else '**missed**'}"
    ours = _values(row["ours"], row["unit"], row["median"])
    return f"| {row['what']} | {ours} | {row['against'] or _NONE} | {theirs} | {ratio} | {aim} |"
