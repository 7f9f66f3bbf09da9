from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from components.platform.monitoring.dashboard import dashboard, dashboard_provider, datasources
from tests.unit.images.running import refusal, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.images.running import Running

LOGIN = httpx.BasicAuth("admin", "s3cret")
NASTY = '<script>alert("x")</script>'


class Prometheus(ThreadingHTTPServer):
    """Answers like Prometheus, with two series of 11 points each; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, path: str, fields: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.asked.append((path, fields))
        if fields.get("query") == "wrong(":
            return 400, {"status": "error", "errorType": "bad_data", "error": "parse error: unclosed left parenthesis"}
        if path == "/api/v1/query":
            return 200, {"status": "success", "data": {"resultType": "scalar", "result": [0, "2"]}}
        if path != "/api/v1/query_range":
            return 404, {"status": "error", "error": "not found"}
        start, step = float(fields["start"]), float(fields["step"].removesuffix("s"))
        moments = [start + step * number for number in range(11)]
        values = [[[moment, str(number)] for number, moment in enumerate(moments)] for _ in range(2)]
        values[1][5][1] = "NaN"
        names = ("b", NASTY)
        result = [
            {"metric": {"job": names[index], "namespace": "n", "pod": names[index]}, "values": values[index]}
            for index in range(2)
        ]
        return 200, {"status": "success", "data": {"resultType": "matrix", "result": result}}


class _Handler(BaseHTTPRequestHandler):
    server: Prometheus  # pyright: ignore[reportIncompatibleVariableOverride] - narrower: only Prometheus uses it

    def _serve(self, text: str) -> None:
        fields = {name: values[0] for name, values in parse_qs(text).items()}
        status, content = self.server.answer(urlsplit(self.path).path, fields)
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._serve(urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    server = Prometheus()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


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
    assert httpx.post(f"{grafana.url}/api/ds/query", json={}).status_code == 401
    assert httpx.get(f"{grafana.url}/panels/slipway").status_code == 401
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
        cookie = browser.cookies["grafana_session"]
        assert browser.post("/logout").headers["location"] == "/login"
    again = httpx.get(f"{grafana.url}/api/search", headers={"Cookie": f"grafana_session={cookie}"})
    assert again.status_code == 401, "the server forgot the session too"


def test_login_takes_json_as_grafana_does(grafana: Running) -> None:
    with httpx.Client(base_url=grafana.url) as client:
        assert client.post("/login", json={"user": "admin", "password": "x"}).status_code == 401
        assert client.post("/login", json={"user": "admin", "password": "s3cret"}).json() == {"message": "Logged in"}
        assert client.get("/api/user").json() == {"login": "admin"}


def test_the_provisioned_things_are_shown(grafana: Running, prometheus: Prometheus) -> None:
    with httpx.Client(base_url=f"{grafana.url}/api", auth=LOGIN) as client:
        (source,) = client.get("/datasources").json()
        assert (source["uid"], source["type"], source["url"], source["isDefault"]) == (
            "prometheus",
            "prometheus",
            prometheus.url,
            True,
        )
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
    for path in ("/-/quit", "/api/v1/admin/tsdb/snapshot", "/api/v1/%2e%2e/%2e%2e/-/quit", "/metrics"):
        assert httpx.post(base + path, auth=LOGIN).status_code == 403, path
    assert len(prometheus.asked) == before


def test_the_health_of_the_data_source_follows_prometheus(grafana: Running, prometheus: Prometheus) -> None:
    url = f"{grafana.url}/api/datasources/uid/prometheus/health"
    assert httpx.get(url, auth=LOGIN).json()["status"] == "OK"
    prometheus.shutdown()
    prometheus.server_close()
    answer = httpx.get(url, auth=LOGIN)
    assert (answer.status_code, answer.json()["status"]) == (400, "ERROR")
    assert "does not answer" in answer.json()["message"]


def query(grafana: Running, **fields: object) -> httpx.Response:
    wanted = {"refId": "B", "datasource": {"uid": "prometheus"}, "expr": "up", "legendFormat": "{{job}}", **fields}
    body = {"queries": [wanted], "from": "0", "to": "150000"}
    return httpx.post(f"{grafana.url}/api/ds/query", json=body, auth=LOGIN)


def test_frames_hold_the_series(grafana: Running) -> None:
    answer = query(grafana)
    assert answer.status_code == 200
    assert "NaN" not in answer.text
    frames = answer.json()["results"]["B"]["frames"]
    assert [frame["schema"]["name"] for frame in frames] == ["b", NASTY]
    assert [field["type"] for field in frames[0]["schema"]["fields"]] == ["time", "number"]
    assert frames[0]["schema"]["fields"][1]["labels"]["namespace"] == "n"
    times, values = frames[1]["data"]["values"]
    assert times == [15000 * number for number in range(11)]
    assert values == [0, 1, 2, 3, 4, None, 6, 7, 8, 9, 10]
    instant = query(grafana, instant=True).json()["results"]["B"]["frames"]
    assert [frame["data"]["values"][1] for frame in instant] == [[2]]


def test_a_query_that_fails_says_why(grafana: Running) -> None:
    answer = query(grafana, expr="wrong(")
    assert answer.status_code == 400
    assert "unclosed left parenthesis" in answer.json()["results"]["B"]["error"]
    assert query(grafana, datasource={"uid": "other"}).status_code == 404
    for body in ("{}", '{"queries": []}', '{"queries": [1]}', "x"):
        assert httpx.post(f"{grafana.url}/api/ds/query", content=body, auth=LOGIN).status_code == 400, body
    span = {"queries": [{"datasource": {"uid": "prometheus"}, "expr": "up"}], "from": "yesterday"}
    refused = httpx.post(f"{grafana.url}/api/ds/query", json=span, auth=LOGIN)
    assert (refused.status_code, "is not a time" in refused.text) == (400, True)


def test_intervals_stand_for_the_step(grafana: Running, prometheus: Prometheus) -> None:
    query(grafana, expr="rate(a[$__rate_interval]) + rate(a[$__interval]) + rate(a[$__range])")
    assert prometheus.asked[-1][1]["query"] == "rate(a[60s]) + rate(a[15s]) + rate(a[150s])"


def test_the_page_draws_every_panel_with_lines_legend_and_unit(grafana: Running, prometheus: Prometheus) -> None:
    page = httpx.get(f"{grafana.url}/d/slipway", auth=LOGIN)
    assert 'data-refresh="15"' in page.text
    assert 'data-from="now-30m"' in page.text
    assert httpx.get(f"{grafana.url}/public/dashboard.js").status_code == 200
    before = time.time()
    panels = httpx.get(f"{grafana.url}/panels/slipway", params={"from": "now-1h", "to": "now"}, auth=LOGIN).text
    model = json.loads(dashboard())
    for panel in model["panels"]:
        assert f"<h2>{panel['title']}</h2>" in panels
    # Three lines a panel: one series is whole, the other has a gap.
    assert panels.count("<polyline") == 3 * len(model["panels"])
    assert panels.count('class="legend"') == len(model["panels"])
    assert "<span>n/b</span>" in panels
    for label in ("1000 %", "10 B", "10 req/s"):
        assert f"<b>{label}</b>" in panels
    assert NASTY not in panels, "labels are escaped"
    assert "&lt;script&gt;" in panels
    asked = {fields["query"]: fields for path, fields in prometheus.asked if path == "/api/v1/query_range"}
    assert set(asked) == {panel["targets"][0]["expr"] for panel in model["panels"]}
    span = asked["sum by (job) (up)"]
    assert float(span["end"]) == pytest.approx(before, abs=10)
    assert float(span["end"]) - float(span["start"]) == pytest.approx(3600, abs=15)


def test_panels_without_prometheus_say_so(grafana: Running, prometheus: Prometheus) -> None:
    prometheus.shutdown()
    prometheus.server_close()
    answer = httpx.get(f"{grafana.url}/panels/slipway", auth=LOGIN)
    assert answer.status_code == 200
    assert answer.text.count('class="error"') == len(json.loads(dashboard())["panels"])
    assert "does not answer" in answer.text
    assert httpx.get(f"{grafana.url}/panels/slipway?from=x", auth=LOGIN).status_code == 400


def test_a_stop_ends_with_0(grafana: Running) -> None:
    assert grafana.stop() == 0


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
