"""Answers of `POST /api/ds/query` (https://grafana.com/docs/grafana/latest/developer-resources/api-reference/http-api/)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus import QueryError, Window, query, query_range

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from prometheus import Series
    from provisioning import DataSource

_POINTS = 1000


def _frame(reference: str, series: Series, legend: str) -> dict[str, Any]:
    return {
        "schema": {
            "refId": reference,
            "name": series.name(legend),
            "fields": [
                {"name": "Time", "type": "time"},
                {"name": "Value", "type": "number", "labels": dict(series.labels)},
            ],
        },
        "data": {
            "values": [
                [round(1000 * moment) for moment, _ in series.points],
                [value for _, value in series.points],
            ]
        },
    }


def answer(
    queries: Sequence[Mapping[str, Any]], start: str, end: str, source_of: Callable[[Mapping[str, Any]], DataSource]
) -> dict[str, Any]:
    """The frames of each query by its refId; a query that fails has `error` and its own status instead.

    Args:
        queries: `expr`, `refId`, `instant`, `maxDataPoints` and `legendFormat` of each.
        start: begin of the span of time (`now-30m` or milliseconds).
        end: its end.
        source_of: finds the data source of a query.

    Raises:
        ValueError: the span of time is none.
    """
    results: dict[str, Any] = {}
    for wanted in queries:
        reference, legend = str(wanted.get("refId", "A")), str(wanted.get("legendFormat", ""))
        points: object = wanted.get("maxDataPoints")
        window = Window.of(start, end, points if isinstance(points, int) and 0 < points <= _POINTS else _POINTS)
        url, expression = source_of(wanted).url, str(wanted.get("expr", ""))
        try:
            instant = bool(wanted.get("instant"))
            found = query(url, expression, window.end) if instant else query_range(url, expression, window)
        except QueryError as error:
            results[reference] = {"status": 400, "error": str(error), "frames": []}
        else:
            results[reference] = {"status": 200, "frames": [_frame(reference, series, legend) for series in found]}
    return {"results": results}
