"""A small web server in Grafana's place: the part of its interface that slipway uses.

| request                                                  | answer                                              |
| -------------------------------------------------------- | --------------------------------------------------- |
| `GET /api/health`                                        | `{"database": "ok", …}`, to everybody               |
| `POST /login` (JSON or form: user, password)             | a session cookie                                    |
| `GET /api/datasources`, `/api/datasources/uid/<uid>`     | the provisioned data sources                        |
| `GET /api/datasources/uid/<uid>/health`                  | whether Prometheus answers                          |
| `/api/datasources/proxy/uid/<uid>/api/v1/…`              | what Prometheus answers there                       |
| `POST /api/ds/query`                                     | frames with the series of Prometheus expressions    |
| `GET /api/search`, `/api/dashboards/uid/<uid>`           | the provisioned dashboards                          |
| `GET /`, `/dashboards`, `/d/<uid>`                       | pages; a dashboard's panels refresh themselves      |

All but health and login want basic authentication or a session. Data sources and dashboards come from
/etc/grafana/provisioning, nothing is stored.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

import frames
import pages
from prometheus import QueryError, forward, query
from provisioning import DataSource, ProvisioningError, dashboards, data_sources
from sessions import Guard

from images.serving import environment
from images.serving.http import Application, HttpError, Request, Response, json_response, log, redirect, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provisioning import Dashboard

    Handler = Callable[[Request], Response]

STATIC = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript"}
_PAGE_HEADERS = (
    # Panels are placed by style attributes.
    (
        "Content-Security-Policy",
        "default-src 'self'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("Cache-Control", "no-store"),
)


def _page(text: str, status: int = 200) -> Response:
    return Response(text, status, headers=_PAGE_HEADERS)


class Grafana:
    """The provisioned things, as the API and the pages show them."""

    def __init__(self, provisioning: Path, sources: Mapping[str, DataSource]) -> None:
        self._provisioning = provisioning
        self._sources = sources

    def _dashboards(self) -> dict[str, Dashboard]:
        try:
            return dashboards(self._provisioning)
        except ProvisioningError as error:
            raise HttpError(500, str(error)) from None

    def _dashboard(self, request: Request) -> Dashboard:
        found = self._dashboards().get(request.parameters["uid"])
        if found is None:
            raise HttpError(404, f"there is no dashboard with the uid {request.parameters['uid']!r}")
        return found

    def _source(self, uid: str) -> DataSource:
        if uid not in self._sources:
            raise HttpError(404, f"there is no data source with the uid {uid!r}")
        return self._sources[uid]

    def list_sources(self, _request: Request) -> Response:
        """All data sources."""
        return json_response([source.public() for source in self._sources.values()])

    def show_source(self, request: Request) -> Response:
        """One data source."""
        return json_response(self._source(request.parameters["uid"]).public())

    def check_source(self, request: Request) -> Response:
        """Whether Prometheus answers a query."""
        source = self._source(request.parameters["uid"])
        try:
            query(source.url, "1+1", 0)
        except QueryError as error:
            return json_response({"status": "ERROR", "message": str(error)}, 400)
        return json_response({"status": "OK", "message": "Successfully queried the Prometheus API."})

    def proxy(self, request: Request) -> Response:
        """A request to Prometheus' query API, sent on as it is."""
        source, rest = self._source(request.parameters["uid"]), request.parameters["rest"]
        path = f"/{rest}"
        if not path.startswith("/api/v1/") or path.startswith("/api/v1/admin") or ".." in path.split("/"):
            raise HttpError(403, "only the query API below /api/v1/ is passed on")
        if request.method not in {"GET", "HEAD", "POST"}:
            raise HttpError(405, "the query API takes GET and POST")
        try:
            body = request.body if request.method == "POST" else None
            answer = forward(source.url, path, urlencode(request.query), body)
        except QueryError as error:
            raise HttpError(502, str(error)) from None
        return Response(answer.body, answer.status, answer.content_type)

    def ask(self, request: Request) -> Response:
        """Frames of Prometheus expressions."""
        body = request.json()
        queries: object = body.get("queries")
        if (
            not isinstance(queries, list)
            or not queries
            or not all(isinstance(one, dict) for one in cast("list[object]", queries))
        ):
            raise HttpError(400, "queries is missing or no list of objects")

        def source_of(wanted: Mapping[str, Any]) -> DataSource:
            named: object = wanted.get("datasource")
            uid: object = cast("dict[str, Any]", named).get("uid") if isinstance(named, dict) else named
            return self._source(str(uid))

        start, end = str(body.get("from", "now-1h")), str(body.get("to", "now"))
        try:
            result = frames.answer(cast("list[dict[str, Any]]", queries), start, end, source_of)
        except ValueError as error:
            raise HttpError(400, str(error)) from None
        failed = any(one["status"] != 200 for one in result["results"].values())
        return json_response(result, 400 if failed else 200)

    def search(self, request: Request) -> Response:
        """Dashboards whose title has the words of `query`."""
        wanted = request.query.get("query", "").lower()
        return json_response(
            [
                {
                    "uid": one.uid,
                    "title": one.title,
                    "url": one.url,
                    "type": "dash-db",
                    "tags": one.model.get("tags", []),
                }
                for one in self._dashboards().values()
                if wanted in one.title.lower()
            ]
        )

    def show_dashboard(self, request: Request) -> Response:
        """A dashboard's model."""
        found = self._dashboard(request)
        meta = {"url": found.url, "provisioned": True, "provisionedExternalId": found.file, "canEdit": False}
        return json_response({"dashboard": found.model, "meta": meta})

    def home(self, _request: Request) -> Response:
        """The dashboard if there is one only, else the list."""
        found = list(self._dashboards().values())
        return redirect(found[0].url if len(found) == 1 else "/dashboards")

    def overview(self, _request: Request) -> Response:
        """The list of dashboards."""
        return _page(pages.overview(list(self._dashboards().values())))

    def dashboard_page(self, request: Request) -> Response:
        """The page of a dashboard."""
        found = self._dashboard(request)
        start, end = pages.span_of(request.query, found.model)
        return _page(pages.dashboard(found, start, end))

    def panels(self, request: Request) -> Response:
        """What the page of a dashboard fetches again and again."""
        found = self._dashboard(request)
        offset = request.query.get("offset", "0")
        try:
            minutes = max(-840, min(840, int(offset)))
            window = pages.window_of(request.query, found.model)
        except ValueError as error:
            raise HttpError(400, str(error)) from None
        return _page(pages.panels(found, self._sources, window, minutes))


def _credentials(request: Request) -> tuple[str, str]:
    if request.headers.get("content-type", "").startswith("application/json"):
        body = request.json()
        return str(body.get("user", "")), str(body.get("password", ""))
    form = request.form()
    return form.get("user", ""), form.get("password", "")


def application(guard: Guard, provisioning: Path, sources: Mapping[str, DataSource]) -> Application:
    """All routes.

    Args:
        guard: who may see what is not for everybody.
        provisioning: the directory with `datasources/` and `dashboards/`.
        sources: data sources by uid.
    """
    grafana = Grafana(provisioning, sources)
    app = Application()

    def guarded(handler: Handler) -> Handler:
        def handle(request: Request) -> Response:
            if guard.admits(request):
                return handler(request)
            if request.path.startswith(("/api/", "/panels/")):
                return json_response({"message": "Unauthorized"}, 401)
            return redirect("/login")

        return handle

    def log_in(request: Request) -> Response:
        user, password = _credentials(request)
        wants_json = request.headers.get("content-type", "").startswith("application/json")
        if not guard.accepts(user, password):
            log("login refused")
            wrong = "user or password is wrong"
            return json_response({"message": wrong}, 401) if wants_json else _page(pages.login(wrong), 401)
        cookie = (("Set-Cookie", guard.begin()),)
        return json_response({"message": "Logged in"}, headers=cookie) if wants_json else redirect("/", cookie)

    health = {"database": "ok", "version": "stand-in"}
    app.route("GET", "/api/health")(lambda _: json_response(health))
    app.route("GET", "/login")(lambda _: _page(pages.login()))
    app.route("POST", "/login")(log_in)
    app.route("POST", "/logout")(lambda request: redirect("/login", (("Set-Cookie", guard.end(request)),)))
    for file in sorted(STATIC.iterdir()):
        app.route("GET", f"/public/{file.name}")(_static(file))
    app.route("GET", "/api/user")(guarded(lambda _: json_response({"login": guard.user})))
    for method, path, handler in (
        ("GET", "/api/datasources", grafana.list_sources),
        ("GET", "/api/datasources/uid/{uid}", grafana.show_source),
        ("GET", "/api/datasources/uid/{uid}/health", grafana.check_source),
        ("*", "/api/datasources/proxy/uid/{uid}/{rest...}", grafana.proxy),
        ("POST", "/api/ds/query", grafana.ask),
        ("GET", "/api/search", grafana.search),
        ("GET", "/api/dashboards/uid/{uid}", grafana.show_dashboard),
        ("GET", "/", grafana.home),
        ("GET", "/dashboards", grafana.overview),
        ("GET", "/d/{uid}", grafana.dashboard_page),
        ("GET", "/d/{uid}/{title}", grafana.dashboard_page),
        ("GET", "/panels/{uid}", grafana.panels),
    ):
        app.route(method, path)(guarded(handler))
    return app


def _static(file: Path) -> Handler:
    response = Response(file.read_bytes(), content_type=f"{_TYPES[file.suffix]}; charset=utf-8")
    return lambda _: response


def main() -> None:
    """Serve until SIGTERM."""
    user = environment.optional("GF_SECURITY_ADMIN_USER", "admin")
    guard = Guard(user, environment.required("GF_SECURITY_ADMIN_PASSWORD"))
    provisioning = Path(environment.optional("GF_PATHS_PROVISIONING", "/etc/grafana/provisioning"))
    try:
        sources = data_sources(provisioning)
        found = dashboards(provisioning)
    except ProvisioningError as error:
        environment.fail(str(error))
    log("provisioned", datasources=sorted(sources), dashboards=sorted(found))
    serve(application(guard, provisioning, sources), environment.port("GF_SERVER_HTTP_PORT", 3000))


if __name__ == "__main__":
    main()
