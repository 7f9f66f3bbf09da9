"""Sizes of texts. No font is asked, so that the picture is the same everywhere; widths are those of a wide one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ops.graph.model import Node

TITLE, LINE, SMALL, HEADING = 13.0, 11.0, 10.5, 13.0
"""Sizes of type, in pixels."""
ICON = 30.0
ENTRY_HEIGHT = 19.0
LINE_HEIGHT = 15.0
_NARROW = set("iljtfr.,:;'|!()[]-· ")
_WIDE = set("mwMWQO@%×")  # noqa: RUF001 - the signs that are drawn


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of a text.

    Args:
        text: The text.
        size: Size of type.
        bold: Whether it is bold.

    Returns:
        Pixels, rather too many than too few.
    """
    units = sum(_units(sign) for sign in text)
    return units * size * (1.12 if bold else 1.0)


def _units(sign: str) -> float:
    if sign in _NARROW:
        return 0.39
    if sign in _WIDE:
        return 0.98
    return 0.72 if sign.isupper() else 0.64


def label_width(text: str) -> float:
    """Width that the label of an arrow takes."""
    return width(text, SMALL) + 6 if text else 0.0


def title_width(title: str, note: str) -> float:
    """Width of a box's heading."""
    return width(title, HEADING, bold=True) + (width(note, LINE) + 12 if note else 0.0)


def entry_width(text: str) -> float:
    """Width of the badge that says how a workload is reached."""
    return width(text, SMALL, bold=True) + 26


def node_size(node: Node) -> tuple[float, float]:
    """Width and height of an innermost box.

    Args:
        node: The box.

    Returns:
        Pixels.
    """
    texts = [width(node.title, TITLE, bold=True), *(width(line, LINE) for line in node.lines)]
    badges = [entry_width(entry) for entry in node.entries]
    wide = max(130.0, ICON + max(texts) + 16, *(badge + 24 for badge in badges))
    high = 14 + TITLE + LINE_HEIGHT * len(node.lines) + 8 + (ENTRY_HEIGHT + 3) * len(node.entries)
    return float(round(wide)), float(round(high))
