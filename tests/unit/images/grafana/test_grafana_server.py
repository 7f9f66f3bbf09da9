from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from components.platform.monitoring.dashboard import dashboard, dashboard_provider, datasources
from tests.support.web import serving
from tests.unit.images.running import refusal, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.web import Request
    from tests.unit.images.running import Running

LOGIN = httpx.BasicAuth("admin", "s3cret")


@dataclass
class Prometheus:
    """Answers like Prometheus; remembers what it was asked."""

    url: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])

    def answer(self, request: Request) -> tuple[int, bytes]:
        address = urlsplit(request.path)
        fields = {name: values[0] for name, values in parse_qs(address.query or request.body.decode()).items()}
        self.asked.append((address.path, fields))
        if fields.get("query") == "wrong(":
            return 400, b'{"status": "error", "error": "parse error: unclosed left parenthesis"}'
        return 200, b'{"status": "success", "data": {"resultType": "scalar", "result": [0, "2"]}}'


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    server = Prometheus()
    with serving(server.answer) as port:
        server.url = f"http://127.0.0.1:{port}"
        yield server


def provision(directory: Path, url: str) -> dict[str, str]:
    """The files that the program gives Grafana, and the environment that names them."""
    boards = directory / "boards"
    for path, text in (
        (directory / "provisioning" / "datasources" / "prometheus.yaml", datasources(url)),
        (directory / "provisioning" / "dashboards" / "slipway.yaml", dashboard_provider(str(boards))),
        (boards / "slipway.json", dashboard()),
    ):
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    return {
        "GF_PATHS_PROVISIONING": str(directory / "provisioning"),
        "GF_SECURITY_ADMIN_USER": "admin",
        "GF_SECURITY_ADMIN_PASSWORD": "s3cret",
    }


@pytest.fixture
def grafana(tmp_path: Path, prometheus: Prometheus) -> Iterator[Running]:
    settings = provision(tmp_path, prometheus.url)
    with running("grafana", "GF_SERVER_HTTP_PORT", settings, tmp_path / "log") as server:
        yield server


def test_health_is_for_everybody_and_the_rest_is_not(grafana: Running) -> None:
    assert httpx.get(f"{grafana.url}/api/health").json()["database"] == "ok"
    for path in (
        "datasources",
        "datasources/uid/prometheus",
        "datasources/proxy/uid/prometheus/api/v1/query?query=up",
        "search",
        "dashboards/uid/slipway",
    ):
        assert httpx.get(f"{grafana.url}/api/{path}").status_code == 401, path
        assert httpx.get(f"{grafana.url}/api/{path}", auth=("admin", "wrong")).status_code == 401, path
        assert httpx.get(f"{grafana.url}/api/{path}", auth=("other", "s3cret")).status_code == 401, path
        assert httpx.get(f"{grafana.url}/api/{path}", auth=LOGIN).status_code == 200, path
    for path in ("/", "/dashboards", "/d/slipway", "/d/slipway/nodes"):
        assert httpx.get(grafana.url + path).headers["location"] == "/login"


def test_a_session_begins_with_the_login_and_ends_with_the_logout(grafana: Running) -> None:
    with httpx.Client(base_url=grafana.url) as browser:
        refused = browser.post("/login", data={"user": "admin", "password": "wrong"})
        assert (refused.status_code, "set-cookie" in refused.headers) == (401, False)
        assert "is wrong" in refused.text
        accepted = browser.post("/login", data={"user": "admin", "password": "s3cret"})
        assert accepted.headers["location"] == "/"
        assert "HttpOnly" in accepted.headers["set-cookie"]
        assert browser.get("/").headers["location"] == "/d/slipway"
        assert "slipway: nodes and apps" in browser.get("/dashboards").text
        page = browser.get("/d/slipway").text
        assert all(file in page for file in ("pico.classless.min.css", "uPlot.iife.min.js", "/static/dashboard.js"))
        assert browser.get("/static/dashboard.js").status_code == 200
        cookie = browser.cookies["grafana_session"]
        assert browser.post("/logout").headers["location"] == "/login"
    again = httpx.get(f"{grafana.url}/api/search", headers={"Cookie": f"grafana_session={cookie}"})
    assert again.status_code == 401, "the server forgot the session too"


def test_login_takes_json_as_grafana_does(grafana: Running) -> None:
    with httpx.Client(base_url=grafana.url) as client:
        assert client.post("/login", json={"user": "admin", "password": "x"}).status_code == 401
        assert client.post("/login", json={"user": "admin", "password": "s3cret"}).json() == {"message": "Logged in"}
        assert client.get("/api/search").status_code == 200


def test_the_provisioned_things_are_shown(grafana: Running, prometheus: Prometheus) -> None:
    with httpx.Client(base_url=f"{grafana.url}/api", auth=LOGIN) as client:
        (source,) = client.get("/datasources").json()
        assert (source["uid"], source["type"]) == ("prometheus", "prometheus")
        assert (source["url"], source["isDefault"]) == (prometheus.url, True)
        assert client.get("/datasources/uid/prometheus").json() == source
        assert client.get("/datasources/uid/other").status_code == 404
        (found,) = client.get("/search").json()
        assert (found["uid"], found["url"]) == ("slipway", "/d/slipway")
        assert client.get("/search", params={"query": "nothing"}).json() == []
        shown = client.get("/dashboards/uid/slipway").json()
        assert shown["dashboard"] == json.loads(dashboard())
        assert shown["meta"]["provisioned"] is True
        assert client.get("/dashboards/uid/other").status_code == 404


def test_a_changed_dashboard_shows_without_a_restart(grafana: Running, tmp_path: Path) -> None:
    file = tmp_path / "boards" / "slipway.json"
    file.write_text(file.read_text(encoding="utf-8").replace("nodes and apps", "renamed"), encoding="utf-8")
    assert httpx.get(f"{grafana.url}/api/search", auth=LOGIN).json()[0]["title"] == "slipway: renamed"


def test_requests_are_passed_on_to_the_query_api_alone(grafana: Running, prometheus: Prometheus) -> None:
    base = f"{grafana.url}/api/datasources/proxy/uid/prometheus"
    answer = httpx.get(f"{base}/api/v1/query", params={"query": 'up{job="a b"}'}, auth=LOGIN)
    assert answer.json()["data"]["result"] == [0, "2"]
    assert prometheus.asked[-1] == ("/api/v1/query", {"query": 'up{job="a b"}'})
    posted = httpx.post(f"{base}/api/v1/query", data={"query": "wrong("}, auth=LOGIN)
    assert posted.status_code == 400
    assert "unclosed" in posted.json()["error"]
    before = len(prometheus.asked)
    assert httpx.delete(f"{base}/api/v1/series", auth=LOGIN).status_code == 405
    for path in ("/-/quit", "/api/v1/admin/tsdb/snapshot", "/api/v1/%2e%2e/%2e%2e/-/quit", "/metrics"):
        assert httpx.post(base + path, auth=LOGIN).status_code == 403, path
    assert len(prometheus.asked) == before


def test_without_prometheus_the_proxy_says_so(tmp_path: Path) -> None:
    gone = "http://127.0.0.1:1"
    with running("grafana", "GF_SERVER_HTTP_PORT", provision(tmp_path, gone), tmp_path / "log") as server:
        answer = httpx.get(f"{server.url}/api/datasources/proxy/uid/prometheus/api/v1/query?query=up", auth=LOGIN)
        assert (answer.status_code, answer.json()) == (502, {"error": f"Prometheus at {gone} does not answer"})
        assert server.stop() == 0


def test_wrong_provisioning_is_told_at_the_start(tmp_path: Path) -> None:
    settings = provision(tmp_path, "http://127.0.0.1:1")
    assert "GF_SECURITY_ADMIN_PASSWORD is not set" in refusal("grafana", {**settings, "GF_SECURITY_ADMIN_PASSWORD": ""})
    board = tmp_path / "boards" / "slipway.json"
    board.write_text("{", encoding="utf-8")
    assert f"{board} cannot be read" in refusal("grafana", settings)
    board.write_text("{}", encoding="utf-8")
    assert "title is missing" in refusal("grafana", settings)
    source = tmp_path / "provisioning" / "datasources" / "prometheus.yaml"
    source.write_text("datasources:\n  - {name: L, type: loki, url: 'http://l'}\n", encoding="utf-8")
    assert "type 'loki'" in refusal("grafana", settings)
    source.write_text("datasources: [", encoding="utf-8")
    assert "cannot be read" in refusal("grafana", settings)
