"""Lines as SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prometheus import Series, Window

WIDTH, HEIGHT = 600, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 8, 8, 22
COLOURS = (
    "#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2",
    "#eeca3b", "#9d755d", "#3b7f2f", "#ff9da6", "#7f7fd5", "#8a8a8a",
)  # fmt: skip
_TIME_STEPS = (60, 300, 600, 900, 1800, 3600, 10800, 21600, 43200, 86400, 604800)


@dataclass(frozen=True)
class Line:
    """A series with its name and colour."""

    name: str
    colour: str
    series: Series

    @property
    def last(self) -> float | None:
        """The newest value."""
        return self.series.points[-1][1] if self.series.points else None


def _scaled(value: float, base: int, units: Sequence[str]) -> str:
    index = 0
    while abs(value) >= base and index < len(units) - 1:
        value /= base
        index += 1
    return f"{_plain(value)}{units[index]}"


def _plain(value: float) -> str:
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


_FORMATS: dict[str, Callable[[float], str]] = {
    "percentunit": lambda value: f"{_plain(100 * value)} %",
    "percent": lambda value: f"{_plain(value)} %",
    "bytes": lambda value: _scaled(value, 1024, (" B", " KiB", " MiB", " GiB", " TiB")),
    "decbytes": lambda value: _scaled(value, 1000, (" B", " kB", " MB", " GB", " TB")),
    "Bps": lambda value: _scaled(value, 1000, (" B/s", " kB/s", " MB/s", " GB/s")),
    "reqps": lambda value: f"{_plain(value)} req/s",
    "s": lambda value: f"{_plain(value)} s" if abs(value) >= 1 or value == 0 else f"{_plain(1000 * value)} ms",
}


def formatted(value: float | None, unit: str) -> str:
    """A value in one of Grafana's units; units that are not known show as plain numbers (K, M, G)."""
    if value is None:
        return "–"  # noqa: RUF001 - a dash for people
    return _FORMATS.get(unit, lambda number: _scaled(number, 1000, ("", " K", " M", " G", " T")))(value)


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """About `count` round values that cover the range from `low` to `high`."""
    span = high - low if high > low else abs(high) or 1.0
    power = 10 ** math.floor(math.log10(span / count))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= span / count)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(number * step, 12) for number in range(first, max(last, first + 1) + 1)]


def draw(lines: Sequence[Line], window: Window, unit: str, low: float | None, offset: int) -> str:
    """The lines as one SVG element.

    Args:
        lines: what to draw; at least one has a value.
        window: span of time on the x axis.
        unit: of the y axis.
        low: where the y axis begins; None: at the smallest value.
        offset: minutes that the reader's clock is ahead of UTC.
    """
    values = [value for line in lines for _, value in line.series.points if value is not None]
    steps = ticks(min(values) if low is None else min(low, *values), max(values))
    bottom, top = steps[0], steps[-1]

    def x(moment: float) -> float:
        return _LEFT + (moment - window.start) / (window.end - window.start) * (WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return HEIGHT - _BOTTOM - (value - bottom) / (top - bottom) * (HEIGHT - _TOP - _BOTTOM)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">']
    for value in steps:
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        label = escape(formatted(value, unit))
        parts.append(f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{label}</text>')
    for moment, label in _times(window, offset):
        parts.append(f'<text x="{x(moment):.1f}" y="{HEIGHT - 6}" text-anchor="middle">{label}</text>')
    for line in lines:
        for stretch in _stretches(line.series, window.step):
            path = " ".join(f"{x(moment):.1f},{y(value):.1f}" for moment, value in stretch)
            title = f"<title>{escape(line.name)}</title>"
            parts.append(f'<polyline stroke="{line.colour}" points="{path}">{title}</polyline>')
    return "".join(parts) + "</svg>"


def _times(window: Window, offset: int) -> list[tuple[float, str]]:
    span = window.end - window.start
    step = next((step for step in _TIME_STEPS if span / step <= 6), _TIME_STEPS[-1])
    shift = 60 * offset
    first = math.ceil((window.start + shift) / step) * step - shift
    style = "%H:%M" if span <= 86400 else "%m-%d %H:%M"
    times: list[tuple[float, str]] = []
    while first <= window.end:
        times.append((first, (datetime.fromtimestamp(first, UTC) + timedelta(minutes=offset)).strftime(style)))
        first += step
    return times


def _stretches(series: Series, step: int) -> list[list[tuple[float, float]]]:
    """The points without the gaps: a line ends where values are missing. A lone point becomes a short line."""
    stretches: list[list[tuple[float, float]]] = []
    previous = -math.inf
    for moment, value in series.points:
        if value is None:
            continue
        if moment - previous > 1.5 * step:
            stretches.append([])
        stretches[-1].append((moment, value))
        previous = moment
    return [
        [*stretch, (stretch[0][0] + step / 4, stretch[0][1])] if len(stretch) == 1 else stretch for stretch in stretches
    ]
