"""A picture as SVG: shapes and text only, so every browser and every README shows it."""

from __future__ import annotations

from collections import Counter
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from ops.graph.layout import Place, lay_out_picture
from ops.graph.text import ENTRY_HEIGHT, HEADING, LINE, LINE_HEIGHT, SMALL, TITLE, entry_width, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ops.graph.layout import Sheet
    from ops.graph.model import Edge, Group, Node, Picture

MARGIN = 24.0
_TOP = 66.0
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_COLORS = {
    "stateless": ("#eef4ff", "#3b6fd4"),
    "stateful": ("#fff4e5", "#d9822b"),
    "daemon": ("#f1ecfb", "#7a56c2"),
    "alias": ("#ffffff", "#7b8794"),
    "outside": ("#ffffff", "#7b8794"),
    "database": ("#fff4e5", "#d9822b"),
    "platform": ("#f5f7fa", "#7b8794"),
    "system": ("#eef4ff", "#3b6fd4"),
}
_BOXES = {"cloud": ("#fdfdfb", "#c5b98f"), "cluster": ("#f7f9fc", "#9fb3c8"), "namespace": ("#ffffff", "#cbd2d9")}
_WORDS = {
    "stateless": "Deployment",
    "stateful": "StatefulSet",
    "daemon": "DaemonSet",
    "alias": "ExternalName",
    "outside": "outside",
    "database": "managed database",
    "platform": "foundation",
    "system": "namespace",
}
_INK, _GREY, _ENTRY = "#1f2933", "#616e7c", "#0b7a55"

_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
    f'orient="auto-start-reverse"><path d="M0 0.6 L8 4 L0 7.4 z" fill="{_GREY}"/></marker></defs>'
)
_HALO = ' stroke="#ffffff" stroke-width="3" stroke-linejoin="round" paint-order="stroke"'


def to_svg(picture: Picture) -> str:
    """The picture as SVG.

    Args:
        picture: What to draw.

    Returns:
        The document; the same bytes for the same picture.
    """
    sheet = lay_out_picture(picture)
    kinds = [kind for kind in _WORDS if kind in {node.kind for node in picture.root.everything()}]
    legend = sum(width(_WORDS[kind], LINE) + 40 for kind in kinds) + 330
    wide = max(sheet.width, legend, width(picture.note, TITLE)) + 2 * MARGIN
    high = sheet.height + _TOP + 2 * MARGIN + 14
    size = f'width="{_n(wide)}" height="{_n(high)}"'
    view = f'{size} viewBox="0 0 {_n(wide)} {_n(high)}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {view} font-family="{_FONT}" role="img">',
        f"<title>{escape(picture.title)}: {escape(picture.note)}</title>",
        _TIP,
        f'<rect {size} rx="10" fill="#ffffff"/>',
        _text(MARGIN, 36, picture.title, 19, weight=700),
        _text(MARGIN, 55, picture.note, TITLE, color=_GREY),
        f'<g transform="translate({_n(MARGIN)} {_n(_TOP)})">',
        *_groups(picture.root, sheet.places),
        *_edges(picture, sheet),
        *(line for node in picture.root.everything() for line in _node(node, sheet.places[node.key])),
        "</g>",
        *_legend(kinds, high - MARGIN),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _n(value: float) -> str:
    """A number without needless digits."""
    return f"{value:.1f}".removesuffix(".0")


def _text(
    x: float,
    y: float,
    text: str,
    size: float,
    *,
    weight: int = 400,
    color: str = _INK,
    anchor: str = "",
    halo: bool = False,
) -> str:
    more = f' text-anchor="{anchor}"' if anchor else ""
    more += f' font-weight="{weight}"' if weight != 400 else ""
    more += _HALO if halo else ""
    return f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" fill="{color}"{more}>{escape(text)}</text>'


def _groups(group: Group, places: dict[str, Place]) -> Iterator[str]:
    for child in group.groups:
        place, (fill, stroke) = places[child.key], _BOXES[child.kind]
        yield (
            f'<rect x="{_n(place.x)}" y="{_n(place.y)}" width="{_n(place.width)}" height="{_n(place.height)}" rx="8" '
            f'fill="{fill}" stroke="{stroke}"/>'
        )
        x = place.x + 14
        yield _text(x, place.y + 21, child.title, HEADING, weight=700)
        if child.note:
            yield _text(x + width(child.title, HEADING, bold=True) + 8, place.y + 21, child.note, LINE, color=_GREY)
        yield from _groups(child, places)


def _edges(picture: Picture, sheet: Sheet) -> Iterator[str]:
    ends = Counter(edge.target for edge in picture.edges)
    for number, edge in enumerate(picture.edges):
        yield from _edge(edge, sheet.paths[number], sheet.places, alone=ends[edge.target] == 1)


def _edge(edge: Edge, points: Sequence[tuple[float, float]], places: dict[str, Place], *, alone: bool) -> Iterator[str]:
    target = places[edge.target]
    forward = abs(points[-1][0] - target.x) < 1
    ends = list(points)
    # The tip of the arrow ends at the box, not in it.
    if forward:
        ends[-1] = (ends[-1][0] - 2, ends[-1][1])
    else:
        ends[0] = (ends[0][0] + 2, ends[0][1])
    path = f"M{_n(ends[0][0])} {_n(ends[0][1])}"
    for (x, y), (to_x, to_y) in pairwise(ends):
        if abs(y - to_y) < 0.5:
            path += f" L{_n(to_x)} {_n(to_y)}"
        else:
            middle = (x + to_x) / 2
            path += f" C{_n(middle)} {_n(y)} {_n(middle)} {_n(to_y)} {_n(to_x)} {_n(to_y)}"
    side = "end" if forward else "start"
    yield f'<path d="{path}" fill="none" stroke="{_GREY}" stroke-width="1.3" marker-{side}="url(#tip)"/>'
    if edge.label:
        x, y = points[-1] if forward else points[0]
        before = (points[-2] if forward else points[1])[1]
        x, anchor = (x - 12, "end") if forward else (x + 12, "start")
        # On the side from which the line does not come, where no other line ends there.
        below = alone and before < y - LINE
        yield _text(x, y + 13 if below else y - 4, edge.label, SMALL, color=_GREY, anchor=anchor, halo=True)


def _node(node: Node, place: Place) -> Iterator[str]:
    fill, stroke = _COLORS[node.kind]
    dash = ' stroke-dasharray="4 3"' if node.kind in ("alias", "outside") else ""
    yield (
        f'<rect x="{_n(place.x)}" y="{_n(place.y)}" width="{_n(place.width)}" height="{_n(place.height)}" rx="6" '
        f'fill="{fill}" stroke="{stroke}"{dash}/>'
    )
    yield _icon(node.kind, place.x + 9, place.y + 9, stroke)
    y = place.y + 7 + TITLE
    yield _text(place.x + 33, y, node.title, TITLE, weight=600)
    for line in node.lines:
        y += LINE_HEIGHT
        yield _text(place.x + 33, y, line, LINE, color=_GREY)
    y += 8
    for entry in node.entries:
        wide = entry_width(entry)
        size = f'width="{_n(wide)}" height="{_n(ENTRY_HEIGHT)}"'
        yield f'<rect x="{_n(place.x + 9)}" y="{_n(y)}" {size} rx="9.5" fill="{_ENTRY}"/>'
        arrow = f"M{_n(place.x + 16)} {_n(y + 9.5)} h7 m-3 -3 l3 3 l-3 3"
        yield f'<path d="{arrow}" fill="none" stroke="#ffffff" stroke-width="1.4"/>'
        yield _text(place.x + 28, y + 13.2, entry, SMALL, weight=600, color="#ffffff")
        y += ENTRY_HEIGHT + 3


def _icon(kind: str, x: float, y: float, color: str) -> str:
    """A sign of 16 by 16 pixels."""
    shapes = {
        "stateless": '<rect x="4" y="4" width="11" height="11" rx="2"/><path d="M1 11 V3 a2 2 0 0 1 2 -2 H11"/>',
        "stateful": '<ellipse cx="8" cy="3.5" rx="6.5" ry="2.5"/><path d="M1.5 3.5 V12.5 a6.5 2.5 0 0 0 13 0 V3.5"/>',
        "daemon": '<path d="M1 1 h6 v6 h-6 z M9 1 h6 v6 h-6 z M1 9 h6 v6 h-6 z M9 9 h6 v6 h-6 z"/>',
        "alias": '<path d="M1 8 h11 m-4 -4 l4 4 l-4 4"/><path d="M15 3 v10"/>',
        "outside": '<circle cx="8" cy="8" r="7"/><path d="M1 8 h14 M8 1 c4 4 4 10 0 14 c-4 -4 -4 -10 0 -14"/>',
        "platform": '<path d="M8 1 l7 3.5 l-7 3.5 l-7 -3.5 z M1 8 l7 3.5 l7 -3.5 M1 11.5 l7 3.5 l7 -3.5"/>',
        "system": '<rect x="1" y="1" width="14" height="14" rx="2"/><path d="M1 6 h14"/>',
    }
    shape = shapes["stateful" if kind == "database" else kind]
    return f'<g transform="translate({_n(x)} {_n(y)})" fill="none" stroke="{color}" stroke-width="1.3">{shape}</g>'


def _legend(kinds: Sequence[str], y: float) -> Iterator[str]:
    x = MARGIN
    for kind in kinds:
        yield _icon(kind, x, y - 12, _COLORS[kind][1])
        yield _text(x + 22, y, _WORDS[kind], LINE, color=_GREY)
        x += width(_WORDS[kind], LINE) + 40
    yield f'<rect x="{_n(x)}" y="{_n(y - 11)}" width="22" height="14" rx="7" fill="{_ENTRY}"/>'
    yield _text(x + 28, y, "reached from outside", LINE, color=_GREY)
    x += width("reached from outside", LINE) + 46
    yield f'<path d="M{_n(x)} {_n(y - 4)} h26" stroke="{_GREY}" stroke-width="1.3" marker-end="url(#tip)"/>'
    yield _text(x + 34, y, "may connect to", LINE, color=_GREY)
