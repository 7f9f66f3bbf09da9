"""Prometheus finds everything it should, and Grafana shows it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support import live

pytestmark = pytest.mark.cluster
JOBS = {"prometheus", "kubelet", "cadvisor", "pods"}


def _targets(url: str) -> list[dict[str, Any]]:
    return httpx.get(f"{url}/api/v1/targets", params={"state": "active"}).json()["data"]["activeTargets"]


def test_every_target_is_up(urls: dict[str, str]) -> None:
    url = urls["local-prometheus"]

    def all_up() -> bool:
        targets = _targets(url)
        assert {target["labels"]["job"] for target in targets} == JOBS
        down = [(t["scrapeUrl"], t["lastError"]) for t in targets if t["health"] != "up"]
        assert not down, down
        return True

    live.eventually(all_up, seconds=120, every=3)
    apps = {t["labels"].get("app") for t in _targets(url) if t["labels"]["job"] == "pods"}
    assert {"traefik", "node-exporter"} <= apps


def test_the_apps_use_of_memory_is_known(urls: dict[str, str]) -> None:
    url = urls["local-prometheus"]
    query = 'container_memory_working_set_bytes{namespace="h2o",container="",pod!=""}'

    def known() -> bool:
        result = httpx.get(f"{url}/api/v1/query", params={"query": query}).json()["data"]["result"]
        used = {series["metric"]["pod"]: float(series["value"][1]) for series in result}
        # A pod that is gone is still answered for, for five minutes, with the nothing that it used at its end.
        pods = {pod["metadata"]["name"] for pod in live.get("pods", "-n", "h2o")}
        assert len(pods) >= 2, pods
        assert {pod for pod in pods if used.get(pod, 0) > 0} == pods, used
        return True

    live.eventually(known, seconds=120, every=3)


def test_grafana_reaches_prometheus_and_has_the_dashboard(urls: dict[str, str]) -> None:
    url = urls["local-grafana"]
    assert httpx.get(f"{url}/api/health").status_code == 200
    auth = httpx.BasicAuth(*(live.secret("monitoring", "grafana-admin", key) for key in ("user", "password")))
    assert httpx.get(f"{url}/api/datasources").status_code == 401
    sources = httpx.get(f"{url}/api/datasources", auth=auth).json()
    assert [source["type"] for source in sources] == ["prometheus"]
    proxied = f"{url}/api/datasources/proxy/uid/{sources[0]['uid']}/api/v1/query"
    answer = httpx.get(proxied, params={"query": "up"}, auth=auth).json()
    assert answer["status"] == "success"
    board = httpx.get(f"{url}/api/dashboards/uid/slipway", auth=auth).json()
    assert board["dashboard"]["title"] == "slipway: nodes and apps"
