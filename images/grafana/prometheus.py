"""Asking Prometheus (https://prometheus.io/docs/prometheus/latest/querying/api/)."""

from __future__ import annotations

import http.client
import json
import math
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

MIN_STEP = 15
"""Seconds between two points at least: Prometheus scrapes that often."""
_TIMEOUT = 15.0
_RELATIVE = re.compile(r"now(?:-(\d+)([smhdw]))?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class QueryError(Exception):
    """Prometheus does not answer, or refuses the query; the message says which."""


@dataclass(frozen=True)
class Answer:
    """An answer as it came."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True)
class Window:
    """A span of time: seconds since 1970, and seconds between two points."""

    start: float
    end: float
    step: int

    @classmethod
    def of(cls, start: str, end: str, points: int, now: float | None = None) -> Window:
        """From Grafana's way to write times: `now`, `now-30m` or milliseconds since 1970.

        Raises:
            ValueError: a time is none, or the end is not after the start.
        """
        current = time.time() if now is None else now
        first, last = _moment(start, current), _moment(end, current)
        if last <= first:
            raise ValueError(f"from {start} to {end} is no span of time")
        step = max(MIN_STEP, math.ceil((last - first) / max(points, 1)))
        # At multiples of the step: points stay where they are from one refresh to the next.
        return cls(first // step * step, last, step)


def _moment(text: str, now: float) -> float:
    if match := _RELATIVE.fullmatch(text):
        return now - (int(match[1]) * _SECONDS[match[2]] if match[1] else 0)
    if re.fullmatch(r"\d{1,15}", text):
        return int(text) / 1000
    raise ValueError(f"{text!r} is not a time; write now, now-30m or milliseconds since 1970")


@dataclass(frozen=True)
class Series:
    """One line: labels and (seconds since 1970, value) in order; the value is None where it is not a finite number."""

    labels: Mapping[str, str]
    points: list[tuple[float, float | None]]

    def name(self, legend: str) -> str:
        """Its name for a legend such as `{{namespace}}/{{pod}}`; without one, all labels."""
        if legend and legend != "__auto":
            return re.sub(r"{{\s*(\w+)\s*}}", lambda match: self.labels.get(match[1], ""), legend)
        rest = ", ".join(f'{key}="{value}"' for key, value in self.labels.items() if key != "__name__")
        return f"{self.labels.get('__name__', '')}{{{rest}}}"


def forward(url: str, path: str, query: str, body: bytes | None = None) -> Answer:
    """Send a request on to Prometheus.

    Args:
        url: where it is.
        path: path below that, beginning with /.
        query: query string.
        body: body of a POST of a form; None: a GET.

    Raises:
        QueryError: it does not answer.
    """
    host = urlsplit(url)
    target = f"{host.path.rstrip('/')}{path}" + (f"?{query}" if query else "")
    connection = http.client.HTTPConnection(host.hostname or "", host.port or 80, timeout=_TIMEOUT)
    try:
        if body is None:
            connection.request("GET", target)
        else:
            connection.request("POST", target, body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        return Answer(answer.status, answer.getheader("Content-Type", "application/json"), answer.read())
    except (OSError, http.client.HTTPException) as error:
        raise QueryError(f"Prometheus at {url} does not answer: {error}") from None
    finally:
        connection.close()


def query_range(url: str, expression: str, window: Window) -> list[Series]:
    """The series of an expression over a span of time.

    Raises:
        QueryError: Prometheus does not answer, or refuses the expression.
    """
    step = f"{window.step}s"
    interval = {"$__rate_interval": f"{max(4 * MIN_STEP, window.step)}s", "$__interval": step}
    interval["$__range"] = f"{round(window.end - window.start)}s"
    for name, value in interval.items():
        expression = expression.replace(name, value)
    fields = {"query": expression, "start": window.start, "end": window.end, "step": step}
    data = _data(forward(url, "/api/v1/query_range", "", urlencode(fields).encode()))
    return [Series(entry["metric"], [_point(point) for point in entry["values"]]) for entry in data["result"]]


def query(url: str, expression: str, moment: float) -> list[Series]:
    """The series of an expression at one time (seconds since 1970), one point each.

    Raises:
        QueryError: Prometheus does not answer, or refuses the expression.
    """
    fields = urlencode({"query": expression, "time": moment}).encode()
    data = _data(forward(url, "/api/v1/query", "", fields))
    if data["resultType"] == "scalar":
        return [Series({}, [_point(data["result"])])]
    return [Series(entry["metric"], [_point(entry["value"])]) for entry in data["result"] if "value" in entry]


def _data(answer: Answer) -> dict[str, Any]:
    try:
        content = cast("dict[str, Any]", json.loads(answer.body))
        if content["status"] == "success":
            return content["data"]
        reason = str(content.get("error"))
    except (ValueError, KeyError, TypeError):
        reason = f"status {answer.status}"
    raise QueryError(f"Prometheus refuses: {reason}")


def _point(pair: list[Any]) -> tuple[float, float | None]:
    value = float(pair[1])
    return float(pair[0]), value if math.isfinite(value) else None
