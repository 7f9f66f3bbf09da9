"""Where everything stands: boxes in boxes, each one laid out by itself, with lines led through their borders.

No package on the Python package index lays out boxes in boxes without a program beside it (Graphviz' `dot`, or a
JavaScript engine for ELK), and a picture must be made on any machine; hence this one. It is small because the innermost
boxes of one namespace are few.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ops.graph.layers import Item, Line, Part, lay_out
from ops.graph.model import Group
from ops.graph.text import label_width, node_size, title_width

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ops.graph.model import Edge, Node, Picture

Point = tuple[float, float]
PAD = 16.0
HEADER = 30.0
NODE_SPACING = 18.0
GROUP_SPACING = 26.0
_GAP = 44.0
_ASPECT = 1.25
LEFT, RIGHT = "L", "R"


@dataclass(frozen=True)
class Place:
    """Where a box stands.

    Attributes:
        x: Left edge.
        y: Upper edge.
        width: Width.
        height: Height.
    """

    x: float
    y: float
    width: float
    height: float


@dataclass
class Sheet:
    """A laid-out box.

    Attributes:
        width: Width.
        height: Height.
        places: Key of each node and group to its place.
        paths: Number of an edge to its points from left to right, as far as they are inside.
    """

    width: float
    height: float
    places: dict[str, Place] = field(default_factory=dict[str, Place])
    paths: dict[int, list[Point]] = field(default_factory=dict[int, list[Point]])


def lay_out_picture(picture: Picture) -> Sheet:
    """Lay a picture out.

    Args:
        picture: What to draw.

    Returns:
        Where everything stands, the upper left corner at 0, 0.
    """
    return _Layout(picture.edges).group(picture.root, {}, outermost=True)


class _Layout:
    def __init__(self, edges: Sequence[Edge]) -> None:
        self.edges = edges

    def group(self, group: Group, sides: Mapping[int, str], *, outermost: bool = False) -> Sheet:
        """One box.

        Args:
            group: The box.
            sides: Number of each edge that leads out of it, to the side on which it does.
            outermost: Whether it has neither heading nor padding.
        """
        children: list[Node | Group] = [*group.groups, *group.nodes]
        home = {key: child.key for child in children for key in _keys(child)}
        lines = self._lines(home, sides, [child.key for child in children])
        sheets: dict[str, Sheet] = {}
        items: dict[str, Item] = {}
        for child in children:
            inner = {
                line.number: RIGHT if line.left == child.key else LEFT for line in lines if child.key in _ends(line)
            }
            sheets[child.key] = sheet = self._child(child, inner)
            edge = {n: (p[-1] if inner[n] == RIGHT else p[0])[1] for n, p in sheet.paths.items() if n in inner}
            items[child.key] = Item(child.key, sheet.width, sheet.height, fixed=edge)
        spacing = GROUP_SPACING if group.groups else NODE_SPACING
        parts = [
            lay_out(
                [items[key] for key in keys],
                [line for line in lines if set(keys) & set(_ends(line))],
                self._gap,
                spacing,
            )
            for keys in _connected(list(items), lines)
        ]
        frame = _Frame() if outermost else _Frame(PAD, HEADER, title_width(group.title, group.note) + 2 * PAD)
        return _pack(parts, sheets, sides, spacing, frame)

    def _child(self, child: Node | Group, sides: Mapping[int, str]) -> Sheet:
        if isinstance(child, Group):
            return self.group(child, sides)
        width, height = node_size(child)
        return Sheet(width, height)

    def _lines(self, home: Mapping[str, str], sides: Mapping[int, str], order: list[str]) -> list[Line]:
        """Edges as lines from left to right: circles opened, those that lead out on the side that they must."""
        lines: list[Line] = []
        after: dict[str, set[str]] = {key: set() for key in order}
        for number, edge in enumerate(self.edges):
            source, target = home.get(edge.source), home.get(edge.target)
            if source and target and source != target:
                if _reaches(after, target, source):
                    source, target = target, source
                after[source].add(target)
                lines.append(Line(number, source, target))
            elif (source or target) and not (source and target):
                inside = source or target or ""
                lines.append(Line(number, "", inside) if sides[number] == LEFT else Line(number, inside, ""))
        return lines

    def _gap(self, numbers: Sequence[int]) -> float:
        return _GAP + max((label_width(self.edges[number].label) for number in numbers), default=0.0)


def _ends(line: Line) -> tuple[str, ...]:
    return tuple(key for key in (line.left, line.right) if key)


def _keys(child: Node | Group) -> list[str]:
    return [node.key for node in child.everything()] if isinstance(child, Group) else [child.key]


def _reaches(after: Mapping[str, set[str]], start: str, end: str) -> bool:
    todo, seen = [start], {start}
    while todo:
        key = todo.pop()
        if key == end:
            return True
        todo += sorted(after[key] - seen)
        seen |= after[key]
    return False


def _connected(keys: Sequence[str], lines: Sequence[Line]) -> list[list[str]]:
    """Keys by what hangs together, in the given order."""
    part = {key: key for key in keys}

    def root(key: str) -> str:
        while part[key] != key:
            key = part[key]
        return key

    for line in lines:
        if line.left and line.right:
            part[root(line.right)] = root(line.left)
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(root(key), []).append(key)
    return list(found.values())


@dataclass(frozen=True)
class _Frame:
    """Padding, height of the heading and least width of a box."""

    pad: float = 0.0
    head: float = 0.0
    least: float = 0.0


def _shelves(parts: Sequence[Part], sides: Mapping[int, str], spacing: float) -> list[list[Part]]:
    """Parts in rows; what has lines to a border stands at that end of its row, so that nothing is in their way."""
    area = sum((part.width + spacing) * (part.height + spacing) for part in parts)
    limit = max([(area * _ASPECT) ** 0.5, *(part.width for part in parts)])
    bound = {id(part): {sides[number] for number in part.paths if number in sides} for part in parts}
    shelves: list[list[Part]] = []
    for part in sorted(parts, key=lambda p: (-len(bound[id(p)]), -p.height, -p.width)):
        for shelf in shelves:
            room = limit - sum(other.width + spacing for other in shelf)
            taken = {side for other in shelf for side in bound[id(other)]}
            own = bound[id(part)]
            alone = any(len(bound[id(other)]) > 1 for other in (*shelf, part))
            if part.width <= room and not alone and not taken & own:
                shelf.insert(0 if LEFT in own else len(shelf) - (RIGHT in taken), part)
                break
        else:
            shelves.append([part])
    return shelves


def _pack(
    parts: Sequence[Part], sheets: Mapping[str, Sheet], sides: Mapping[int, str], spacing: float, frame: _Frame
) -> Sheet:
    shelves = _shelves(parts, sides, spacing)
    inner = max((sum(p.width for p in shelf) + spacing * (len(shelf) - 1) for shelf in shelves), default=0.0)
    width = max(inner + 2 * frame.pad, frame.least)
    sheet = Sheet(width, 0.0)
    y = frame.head + (frame.pad / 2 if frame.head else 0.0)
    for shelf in shelves:
        x = frame.pad
        for part in shelf:
            _settle(sheet, part, sheets, (x, y))
            for number, points in part.paths.items():
                moved = [(px + x, py + y) for px, py in points]
                if sides.get(number) == LEFT:
                    moved.insert(0, (0.0, moved[0][1]))
                elif sides.get(number) == RIGHT:
                    moved.append((width, moved[-1][1]))
                sheet.paths[number] = _joined(number, moved, sheet, part, sheets)
            x += part.width + spacing
        y += max(part.height for part in shelf) + spacing
    sheet.height = y - spacing + frame.pad if shelves else frame.head + frame.pad
    return sheet


def _settle(sheet: Sheet, part: Part, sheets: Mapping[str, Sheet], corner: Point) -> None:
    """Places of the items of a part, and of all that is in them."""
    for item in part.items:
        x, y = corner[0] + item.x, corner[1] + item.y
        sheet.places[item.key] = Place(x, y, item.width, item.height)
        inner = sheets[item.key]
        for key, place in inner.places.items():
            sheet.places[key] = Place(x + place.x, y + place.y, place.width, place.height)
        for number, points in inner.paths.items():
            if number not in part.paths:
                sheet.paths[number] = [(x + px, y + py) for px, py in points]


def _joined(number: int, points: list[Point], sheet: Sheet, part: Part, sheets: Mapping[str, Sheet]) -> list[Point]:
    """A line with its ways inside the boxes at its ends."""
    result = list(points)
    for item in part.items:
        inner = sheets[item.key].paths.get(number)
        if inner is None:
            continue
        place = sheet.places[item.key]
        way = [(place.x + px, place.y + py) for px, py in inner]
        # It ends at the border where the outer way begins, or the other way round.
        result = [*way, *result] if abs(way[-1][0] - result[0][0]) < abs(way[0][0] - result[-1][0]) else [*result, *way]
    return result
