"""A small web server in Grafana's place: login, provisioned data sources and dashboards, Prometheus' proxy, pages.

All but health and login want basic authentication or a session. The paths are Grafana's; nothing is stored.
"""

from __future__ import annotations

import hmac
import http.client
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, Response, abort, jsonify, redirect, request
from provisioning import DataSource, ProvisioningError, dashboards, data_sources

from images.serving import environment, web, wsgi

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioning import Dashboard
    from werkzeug.wrappers import Response as AnyResponse

COOKIE = "grafana_session"
LIFETIME = 86400
_PROXY_SECONDS = 15
_PUBLIC = {"health", "login", "static", "_asset"}


class Guard:
    """Who may see the dashboards: one user, by basic authentication or a session after logging in."""

    def __init__(self, user: str, password: str) -> None:
        self.user = user
        self._password = password
        self._sessions: dict[str, float] = {}

    def accepts(self, user: object, password: object) -> bool:
        """Whether both are right; takes as long when they are not."""
        right_user = hmac.compare_digest(str(user).encode(errors="replace"), self.user.encode())
        return hmac.compare_digest(str(password).encode(errors="replace"), self._password.encode()) and right_user

    def admits(self) -> bool:
        """Whether the request carries the right credentials or a session that goes on."""
        given = request.authorization
        if given is not None:
            return self.accepts(given.username, given.password)
        return self._sessions.get(request.cookies.get(COOKIE, ""), 0.0) > time.monotonic()

    def begin(self, answer: AnyResponse) -> AnyResponse:
        """Give the client a session."""
        name = secrets.token_urlsafe(32)
        self._sessions[name] = time.monotonic() + LIFETIME
        answer.set_cookie(
            COOKIE, name, max_age=LIFETIME, httponly=True, samesite="Lax", secure=request.scheme == "https"
        )
        return answer

    def end(self, answer: AnyResponse) -> AnyResponse:
        """No session any more."""
        self._sessions.pop(request.cookies.get(COOKIE, ""), None)
        answer.delete_cookie(COOKIE, httponly=True, samesite="Lax")
        return answer


class Grafana:
    """The provisioned things, as the API and the pages show them."""

    def __init__(self, guard: Guard, provisioning: Path, sources: Mapping[str, DataSource]) -> None:
        self._guard = guard
        self._provisioning = provisioning
        self._sources = sources

    def guard(self) -> AnyResponse | None:
        """What those get who are not logged in."""
        if request.endpoint in _PUBLIC or self._guard.admits():
            return None
        return web.refusal(401, "not logged in") if request.path.startswith("/api/") else redirect("/login", 303)

    def login(self) -> AnyResponse:
        """The form, and what it sends; programs send JSON."""
        if request.method != "POST":
            return web.page("login.html")
        fields = web.json_body() if request.is_json else request.form
        if self._guard.accepts(fields.get("user"), fields.get("password")):
            return self._guard.begin(jsonify(message="Logged in") if request.is_json else redirect("/", 303))
        wsgi.log("login refused")
        wrong = "user or password is wrong"
        return web.refusal(401, wrong) if request.is_json else web.page("login.html", 401, message=wrong)

    def logout(self) -> AnyResponse:
        """No session any more."""
        return self._guard.end(redirect("/login", 303))

    def _dashboards(self) -> dict[str, Dashboard]:
        try:
            return dashboards(self._provisioning)
        except ProvisioningError as error:
            abort(500, str(error))

    def _dashboard(self, uid: str) -> Dashboard:
        return self._dashboards().get(uid) or abort(404, f"there is no dashboard with the uid {uid!r}")

    def _source(self, uid: str) -> DataSource:
        return self._sources.get(uid) or abort(404, f"there is no data source with the uid {uid!r}")

    def list_sources(self) -> Response:
        """All data sources."""
        return jsonify([source.public() for source in self._sources.values()])

    def show_source(self, uid: str) -> Response:
        """One data source."""
        return jsonify(self._source(uid).public())

    def proxy(self, uid: str, rest: str) -> Response:
        """A request to Prometheus' query API, sent on as it is."""
        source = urlsplit(self._source(uid).url)
        if not rest.startswith("api/v1/") or rest.startswith("api/v1/admin") or ".." in rest.split("/"):
            abort(403, "only the query API below /api/v1/ is passed on")
        target = f"{source.path.rstrip('/')}/{rest}?{request.query_string.decode('latin-1')}"
        connection = http.client.HTTPConnection(source.hostname or "", source.port or 80, timeout=_PROXY_SECONDS)
        try:
            connection.request(request.method, target, request.get_data(), {"Content-Type": request.content_type or ""})
            answer = connection.getresponse()
            return Response(answer.read(), answer.status, content_type=answer.getheader("Content-Type"))
        except (OSError, http.client.HTTPException) as error:
            wsgi.log("prometheus", url=source.geturl(), error=str(error))
            abort(502, f"Prometheus at {source.geturl()} does not answer")
        finally:
            connection.close()

    def search(self) -> Response:
        """Dashboards whose title has the words of `query`."""
        wanted = request.args.get("query", "").lower()
        return jsonify([one.public() for one in self._dashboards().values() if wanted in one.title.lower()])

    def show_dashboard(self, uid: str) -> Response:
        """A dashboard's model."""
        found = self._dashboard(uid)
        meta = {"url": found.url, "provisioned": True, "provisionedExternalId": found.file, "canEdit": False}
        return jsonify(dashboard=found.model, meta=meta)

    def home(self) -> AnyResponse:
        """The dashboard if there is one only, else the list."""
        found = list(self._dashboards().values())
        return redirect(found[0].url if len(found) == 1 else "/dashboards", 303)

    def overview(self) -> Response:
        """The list of dashboards."""
        return web.page("dashboards.html", dashboards=list(self._dashboards().values()))

    def page(self, uid: str, title: str = "") -> Response:  # noqa: ARG002 - a part of the path for people
        """The page of a dashboard; its script asks for the model and draws it."""
        return web.page("dashboard.html", dashboard=self._dashboard(uid))


def application(guard: Guard, provisioning: Path, sources: Mapping[str, DataSource]) -> Flask:
    """All routes; `provisioning` is the directory with `datasources/` and `dashboards/`, `sources` are by uid."""
    app, grafana = web.application(Path(__file__).parent), Grafana(guard, provisioning, sources)
    app.before_request(grafana.guard)
    app.add_url_rule("/api/health", "health", lambda: {"database": "ok", "version": "stand-in"})
    app.add_url_rule("/login", "login", grafana.login, methods=["GET", "POST"])
    app.add_url_rule("/logout", "logout", grafana.logout, methods=["POST"])
    app.add_url_rule("/api/datasources/proxy/uid/<uid>/<path:rest>", view_func=grafana.proxy, methods=["GET", "POST"])
    for path, handler in (
        ("/api/datasources", grafana.list_sources),
        ("/api/datasources/uid/<uid>", grafana.show_source),
        ("/api/search", grafana.search),
        ("/api/dashboards/uid/<uid>", grafana.show_dashboard),
        ("/", grafana.home),
        ("/dashboards", grafana.overview),
        ("/d/<uid>", grafana.page),
        ("/d/<uid>/<title>", grafana.page),
    ):
        app.add_url_rule(path, path, handler)
    return app


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
    wsgi.log("provisioned", datasources=sorted(sources), dashboards=sorted(found))
    wsgi.serve(application(guard, provisioning, sources), environment.port("GF_SERVER_HTTP_PORT", 3000))


if __name__ == "__main__":
    main()
