"""HTML of the login page, the list of dashboards and a dashboard."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from html import escape
from typing import TYPE_CHECKING, Any, cast

from chart import COLOURS, Line, draw, formatted
from prometheus import QueryError, Window, query_range

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provisioning import Dashboard, DataSource

_POINTS = 300
_LINES = 60
_REFRESH_SECONDS = {"s": 1, "m": 60, "h": 3600}


def _page(title: str, body: str, script: str = "") -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f'<title>{escape(title)}</title>\n<link rel="stylesheet" href="/public/page.css">\n{script}</head>\n'
        f"<body>\n{body}</body>\n</html>\n"
    )


def login(message: str = "") -> str:
    """The form that asks for user and password."""
    return _page(
        "Log in",
        '<form class="login" method="post" action="/login">\n<h1>Log in</h1>\n'
        f'<p role="alert">{escape(message)}</p>\n'
        '<label>User <input name="user" autocomplete="username" required></label>\n'
        '<label>Password <input name="password" type="password" autocomplete="current-password" required></label>\n'
        "<button>Log in</button>\n</form>\n",
    )


def overview(dashboards: Sequence[Dashboard]) -> str:
    """All dashboards with links."""
    items = "".join(f'<li><a href="{escape(entry.url)}">{escape(entry.title)}</a></li>\n' for entry in dashboards)
    return _page("Dashboards", f"<header><h1>Dashboards</h1>{_LOGOUT}</header>\n<ul>\n{items}</ul>\n")


_LOGOUT = '<form method="post" action="/logout"><button>Log out</button></form>'


def _refresh(model: Mapping[str, Any]) -> int:
    """Seconds between two refreshes: 15 unless the dashboard says otherwise."""
    text = str(model.get("refresh") or "15s")
    number, unit = text[:-1], text[-1:]
    return max(5, int(number) * _REFRESH_SECONDS[unit]) if number.isdigit() and unit in _REFRESH_SECONDS else 15


def dashboard(entry: Dashboard, start: str, end: str) -> str:
    """The page of a dashboard; its panels are fetched by the page's script, at once and then again and again."""
    span = f'data-from="{escape(start)}" data-to="{escape(end)}"'
    return _page(
        entry.title,
        f'<header><h1><a href="/dashboards">Dashboards</a> / {escape(entry.title)}</h1>{_LOGOUT}</header>\n'
        f'<p id="note" role="status">Loading …</p>\n'
        f'<main id="panels" data-uid="{escape(entry.uid)}" data-refresh="{_refresh(entry.model)}" {span}></main>\n',
        '<script src="/public/dashboard.js" defer></script>\n',
    )


def panels(entry: Dashboard, sources: Mapping[str, DataSource], window: Window, offset: int) -> str:
    """The dashboard's panels with their lines, drawn from what Prometheus says now.

    Args:
        entry: the dashboard.
        sources: data sources by uid.
        window: span of time.
        offset: minutes that the reader's clock is ahead of UTC.
    """
    wanted = cast("list[dict[str, Any]]", entry.model.get("panels") or [])
    with ThreadPoolExecutor(max_workers=6) as pool:
        drawn = [pool.submit(_panel, panel, sources, window, offset) for panel in wanted]
        return "\n".join(one.result() for one in drawn)


def _panel(panel: dict[str, Any], sources: Mapping[str, DataSource], window: Window, offset: int) -> str:
    try:
        body = _body(panel, sources, window, offset)
    except QueryError as error:
        body = f'<p class="error">{escape(str(error))}</p>'
    place = cast("dict[str, Any]", panel.get("gridPos") or {})
    width = min(24, max(1, int(place.get("w", 24))))
    title = escape(str(panel.get("title", "")))
    return f'<section style="grid-column: span {width}"><h2>{title}</h2>\n{body}\n</section>'


def _source(panel: Mapping[str, Any], sources: Mapping[str, DataSource]) -> DataSource:
    named: object = panel.get("datasource")
    uid: object = cast("dict[str, Any]", named).get("uid") if isinstance(named, dict) else named
    if isinstance(uid, str):
        if uid not in sources:
            raise QueryError(f"there is no data source with the uid {uid!r}")
        return sources[uid]
    default = next((source for source in sources.values() if source.default), None)
    if default is None:
        raise QueryError("the panel names no data source, and none is the default")
    return default


def _body(panel: Mapping[str, Any], sources: Mapping[str, DataSource], window: Window, offset: int) -> str:
    if panel.get("type") not in {"timeseries", "graph", "stat"}:
        return f"<p>Panels of type {escape(str(panel.get('type')))} are not drawn here.</p>"
    lines: list[Line] = []
    for target in cast("list[dict[str, Any]]", panel.get("targets") or []):
        if target.get("hide"):
            continue
        source = _source(target if target.get("datasource") else panel, sources)
        found = query_range(source.url, str(target.get("expr", "")), window)
        named = [(series.name(str(target.get("legendFormat", ""))), series) for series in found]
        for name, series in sorted(named, key=lambda pair: pair[0]):
            lines.append(Line(name, COLOURS[len(lines) % len(COLOURS)], series))
    if not any(value is not None for line in lines for _, value in line.series.points):
        return "<p>No data</p>"
    settings = cast("dict[str, Any]", panel.get("fieldConfig") or {})
    defaults = cast("dict[str, Any]", settings.get("defaults") or {})
    unit, low = str(defaults.get("unit", "short")), defaults.get("min")
    picture = ""
    if panel["type"] != "stat":
        picture = draw(lines[:_LINES], window, unit, float(low) if isinstance(low, int | float) else None, offset)
    return picture + _legend(lines, unit)


def _legend(lines: Sequence[Line], unit: str) -> str:
    rows = "".join(
        f'<li><svg viewBox="0 0 10 10"><rect width="10" height="10" fill="{line.colour}"/></svg>'
        f"<span>{escape(line.name)}</span><b>{escape(formatted(line.last, unit))}</b></li>"
        for line in lines[:_LINES]
    )
    more = f"<li>and {len(lines) - _LINES} more</li>" if len(lines) > _LINES else ""
    return f'<ul class="legend">{rows}{more}</ul>'


def window_of(query: Mapping[str, str], model: Mapping[str, Any]) -> Window:
    """The span of time that a request asks for, else the dashboard's own.

    Raises:
        ValueError: it is none.
    """
    start, end = span_of(query, model)
    return Window.of(start, end, _POINTS)


def span_of(query: Mapping[str, str], model: Mapping[str, Any]) -> tuple[str, str]:
    """`from` and `to` of a request, else the dashboard's own."""
    own = cast("dict[str, Any]", model.get("time") or {})
    return query.get("from") or str(own.get("from", "now-30m")), query.get("to") or str(own.get("to", "now"))
