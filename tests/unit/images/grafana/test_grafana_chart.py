from __future__ import annotations

import re

import pytest

from tests.unit.images.running import load

prometheus = load("grafana", "prometheus")
chart = load("grafana", "chart")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, [0, 5, 10]),
        (0, 1, [0, 0.5, 1]),
        (0, 0, [0, 0.5]),
        (0.2, 0.4, [0.2, 0.25, 0.3, 0.35, 0.4]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
        (7, 7, [6, 8]),
    ],
)
def test_ticks_are_round_and_cover_the_range(low: float, high: float, expected: list[float]) -> None:
    ticks = chart.ticks(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert ticks == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.123, "percentunit", "12.3 %"),
        (50, "percent", "50 %"),
        (1536, "bytes", "1.5 KiB"),
        (3 * 2**30, "bytes", "3 GiB"),
        (1500, "decbytes", "1.5 kB"),
        (0.25, "s", "250 ms"),
        (0.5, "reqps", "0.5 req/s"),
        (12345, "short", "12.3 K"),
        (0, "no-such-unit", "0"),
        (None, "bytes", "\u2013"),
    ],
)
def test_values_have_their_unit(value: float | None, unit: str, expected: str) -> None:
    assert chart.formatted(value, unit) == expected


def drawn(points: list[tuple[float, float | None]]) -> str:
    line = chart.Line("a<b", "#000", prometheus.Series({}, points))
    return str(chart.draw([line], prometheus.Window(0, 1800, 15), "short", 0.0, 0))


def test_a_line_goes_from_left_to_right_and_up_with_its_values() -> None:
    picture = drawn([(15.0 * number, float(number)) for number in range(121)])
    (path,) = re.findall(r'points="([^"]*)"', picture)
    points = [tuple(map(float, pair.split(","))) for pair in path.split()]
    assert len(points) == 121
    assert points == sorted(points)
    assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)
    assert all(0 <= x <= chart.WIDTH and 0 <= y <= chart.HEIGHT for x, y in points)
    assert "<title>a&lt;b</title>" in picture


def test_a_line_is_cut_where_values_are_missing() -> None:
    points: list[tuple[float, float | None]] = [(0, 1), (15, 1), (30, None), (45, 1), (60, 1), (600, 1), (615, 1)]
    assert drawn(points).count("<polyline") == 3


def test_a_lone_value_can_be_seen() -> None:
    (path,) = re.findall(r'points="([^"]*)"', drawn([(900, 5)]))
    assert len(path.split()) == 2


def test_times_are_those_of_the_readers_clock() -> None:
    line = chart.Line("a", "#000", prometheus.Series({}, [(0, 1)]))
    window = prometheus.Window(0, 1800, 15)
    assert ">00:05<" in chart.draw([line], window, "short", 0.0, 0)
    assert ">09:05<" in chart.draw([line], window, "short", 0.0, 540)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("now-30m", "now", (8200, 10000, 15)),
        ("now-1d", "now-1h", (-76400 // 276 * 276, 6400, 276)),
        ("0", "3000000", (0, 3000, 15)),
    ],
)
def test_a_span_of_time_is_understood(start: str, end: str, expected: tuple[float, float, int]) -> None:
    window = prometheus.Window.of(start, end, 300, now=10000)
    assert (window.end, window.step) == (expected[1], expected[2])
    assert window.start == expected[0] // window.step * window.step


@pytest.mark.parametrize(
    ("start", "end"), [("x", "now"), ("now", "now"), ("now", "now-1h"), ("now-1y", "now"), ("", "now")]
)
def test_what_is_no_span_of_time_is_refused(start: str, end: str) -> None:
    with pytest.raises(ValueError, match=r"is no span of time|is not a time"):
        prometheus.Window.of(start, end, 300, now=10000)


@pytest.mark.parametrize(
    ("legend", "name"),
    [
        ("{{namespace}}/{{ pod }}", "n/p"),
        ("{{missing}}!", "!"),
        ("", 'up{namespace="n", pod="p"}'),
        ("__auto", 'up{namespace="n", pod="p"}'),
    ],
)
def test_a_series_has_the_name_of_its_legend(legend: str, name: str) -> None:
    assert prometheus.Series({"__name__": "up", "namespace": "n", "pod": "p"}, []).name(legend) == name
