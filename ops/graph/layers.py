"""One connected part of a box, laid out in layers from left to right (after Sugiyama, Tagawa and Toda, 1981).

Lines that pass a layer get a lane in it, so that no line runs through a box.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LANE = 18.0
"""Height that a passing line takes."""
SWEEPS = 12
BEND = 30.0
"""Width in which a line finds its lane."""


@dataclass
class Item:
    """What stands in a layer.

    Attributes:
        key: Unique in the part.
        width: Width.
        height: Height.
        lane: Whether it is only the way of a line.
        fixed: Heights at which lines end, by line; others end where there is room.
        x: Left edge, once laid out.
        y: Upper edge, once laid out.
        column: Left and right edge of its layer, once laid out.
    """

    key: str
    width: float
    height: float
    lane: bool = False
    fixed: Mapping[int, float] = field(default_factory=dict[int, float])
    x: float = 0.0
    y: float = 0.0
    column: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Line:
    """A line from a left item to a right one.

    Attributes:
        number: Number of the edge.
        left: Key of the left item; empty: it comes from the left border.
        right: Key of the right item; empty: it goes to the right border.
    """

    number: int
    left: str
    right: str


@dataclass
class Part:
    """A laid-out part.

    Attributes:
        width: Width.
        height: Height.
        items: Its items, placed.
        paths: Number of a line to its points, from left to right.
    """

    width: float
    height: float
    items: list[Item]
    paths: dict[int, list[tuple[float, float]]]


def lay_out(
    items: Sequence[Item], lines: Sequence[Line], gap: Callable[[Sequence[int]], float], spacing: float
) -> Part:
    """Lay one connected part out.

    Args:
        items: Its items.
        lines: Lines between them, and to the borders; without a circle.
        gap: Width before a layer, for the lines that end in it.
        spacing: Height between two items.

    Returns:
        The part, its upper left corner at 0, 0.
    """
    layer = _layers(items, lines)
    columns, chains = _columns(items, lines, layer)
    links = [(a, b) for chain in chains.values() for a, b in pairwise(chain)]
    _order(columns, links)
    _heights(columns, chains, spacing)
    width = _widths(columns, chains, gap)
    placed = {item.key: item for column in columns for item in column}
    top = min(item.y for item in placed.values())
    for item in placed.values():
        item.y -= top
    ends = _ends(placed, chains)
    paths = {number: _path(number, [placed[key] for key in chain], ends) for number, chain in chains.items()}
    height = max(item.y + item.height for item in placed.values())
    return Part(width, height, [item for item in placed.values() if not item.lane], paths)


def _layers(items: Sequence[Item], lines: Sequence[Line]) -> dict[str, int]:
    layer = {item.key: 0 for item in items}
    for _ in items:
        for line in lines:
            if line.left and line.right:
                layer[line.right] = max(layer[line.right], layer[line.left] + 1)
    # What only leads on stands close to where it leads.
    for item in items:
        onward = [layer[line.right] for line in lines if line.left == item.key and line.right]
        if onward and not any(line.right == item.key for line in lines):
            layer[item.key] = min(onward) - 1
    return layer


def _columns(
    items: Sequence[Item], lines: Sequence[Line], layer: Mapping[str, int]
) -> tuple[list[list[Item]], dict[int, list[str]]]:
    """Items by layer with lanes among them, and the items that each line passes."""
    last = max(layer.values())
    first = -1 if any(not line.left for line in lines) else 0
    final = last + 1 if any(not line.right for line in lines) else last
    columns: dict[int, list[Item]] = {index: [] for index in range(first, final + 1)}
    for item in items:
        columns[layer[item.key]].append(item)
    chains: dict[int, list[str]] = {}
    for line in lines:
        start = layer[line.left] if line.left else first - 1
        end = layer[line.right] if line.right else final + 1
        chain = [line.left] if line.left else []
        for index in range(start + 1, end):
            lane = Item(f"{line.number}@{index}", 0.0, LANE, lane=True)
            columns[index].append(lane)
            chain.append(lane.key)
        chains[line.number] = [*chain, *([line.right] if line.right else [])]
    return [columns[index] for index in range(first, final + 1)], chains


def _order(columns: list[list[Item]], links: list[tuple[str, str]]) -> None:
    """Fewer crossings: each item near the middle of those that it is linked with, from either side in turn."""
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        order = range(1, len(columns)) if forward else range(len(columns) - 2, -1, -1)
        for index in order:
            beside = columns[index - 1 if forward else index + 1]
            place = {item.key: number for number, item in enumerate(beside)}
            ends = [(b, a) if forward else (a, b) for a, b in links]
            middle = {
                item.key: [place[other] for own, other in ends if own == item.key and other in place]
                for item in columns[index]
            }
            now = {item.key: float(number) for number, item in enumerate(columns[index])}
            columns[index].sort(key=lambda i: sum(middle[i.key]) / len(middle[i.key]) if middle[i.key] else now[i.key])


def _heights(columns: list[list[Item]], chains: Mapping[int, list[str]], spacing: float) -> None:
    for column in columns:
        y = -sum(item.height + spacing for item in column) / 2
        for item in column:
            item.y = y
            y += item.height + spacing
    by_key = {item.key: item for column in columns for item in column}
    links = [(number, by_key[a], by_key[b]) for number, chain in chains.items() for a, b in pairwise(chain)]
    # At the end the borders follow what is beside them, so that a line leaves without a step.
    rounds = [columns if sweep % 2 == 0 else columns[::-1] for sweep in range(SWEEPS)]
    borders = [column for column in (columns[0], columns[-1]) if all(item.lane for item in column)]
    for some in [*rounds, borders]:
        for column in some:
            wanted: list[float] = []
            for item in column:
                pulls = [o.y + _at(o, n) - _at(item, n) for n, a, b in links for i, o in ((a, b), (b, a)) if i is item]
                wanted.append(sum(pulls) / len(pulls) if pulls else item.y)
            for item, y in zip(column, _apart(column, wanted, spacing), strict=True):
                item.y = y


def _at(item: Item, number: int) -> float:
    return item.fixed.get(number, item.height / 2)


def _apart(column: Sequence[Item], wanted: Sequence[float], spacing: float) -> list[float]:
    """Places nearest to the wanted ones that keep order and distance (pool adjacent violators)."""
    offsets = [0.0]
    for item in column[:-1]:
        offsets.append(offsets[-1] + item.height + spacing)
    blocks: list[list[float]] = []
    for value, offset in zip(wanted, offsets, strict=True):
        blocks.append([value - offset, 1.0])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, count = blocks.pop()
            other, more = blocks.pop()
            blocks.append([(mean * count + other * more) / (count + more), count + more])
    level = [mean for mean, count in blocks for _ in range(int(count))]
    return [base + offset for base, offset in zip(level, offsets, strict=True)]


def _widths(columns: list[list[Item]], chains: Mapping[int, list[str]], gap: Callable[[Sequence[int]], float]) -> float:
    x = 0.0
    for index, column in enumerate(columns):
        if index:
            # Only what ends here has its label here; what goes on needs no more than a bend.
            here = {item.key for item in column if not item.lane}
            ends = [number for number, chain in chains.items() if here & set(chain[1:])]
            starts = {item.key for item in columns[index - 1] if not item.lane}
            opens = any(starts & set(chain[:-1]) for chain in chains.values())
            x += gap(ends) if ends else BEND if opens else 0.0
        width = max((item.width for item in column), default=0.0)
        for item in column:
            item.x = x if item.lane else x + (width - item.width) / 2
            item.width = width if item.lane else item.width
            item.column = (x, x + width)
        x += width
    return x


def _ends(placed: Mapping[str, Item], chains: Mapping[int, list[str]]) -> dict[tuple[str, int, str], float]:
    """Height at which each line leaves (`>`) or enters (`<`) an item, spread so that lines do not lie on each other."""
    sides: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for number, chain in chains.items():
        for a, b in pairwise(chain):
            left, right = placed[a], placed[b]
            sides.setdefault((a, ">"), []).append((right.y + _at(right, number), number))
            sides.setdefault((b, "<"), []).append((left.y + _at(left, number), number))
    result: dict[tuple[str, int, str], float] = {}
    for (key, side), lines in sides.items():
        item = placed[key]
        step = min(LANE, item.height / (len(lines) + 1))
        start = item.height / 2 - step * (len(lines) - 1) / 2
        for place, (_, number) in enumerate(sorted(lines)):
            result[key, number, side] = item.y + item.fixed.get(number, start + place * step)
    return result


def _path(number: int, chain: Sequence[Item], ends: Mapping[tuple[str, int, str], float]) -> list[tuple[float, float]]:
    """Corners of a line: bends are between layers only, so that nothing that stands in one is in the way."""
    points: list[tuple[float, float]] = []
    for index, item in enumerate(chain):
        if index or item.lane:
            y = ends.get((item.key, number, "<"), item.y + item.height / 2)
            points += [(item.column[0], y), (item.x, y)]
        if index < len(chain) - 1 or item.lane:
            y = ends.get((item.key, number, ">"), item.y + item.height / 2)
            points += [(item.x + item.width, y), (item.column[1], y)]
    return [point for place, point in enumerate(points) if not place or point != points[place - 1]]
