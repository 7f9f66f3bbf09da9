"""Grafana and Prometheus in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By

from tests.support import live

if TYPE_CHECKING:
    from tests.support.browser import Page

pytestmark = pytest.mark.cluster
# Asked in the page itself: a pod that goes is in the lines for another half an hour.
_LEGEND = """
const lines = [{name: "gone", colour: "#000", points: [1, 2, null, null]},
               {name: "here-" + "x".repeat(200), colour: "#000", points: [1, 2, null, 4]}];
return [...legendOf(lines, "short").list.children].map(row => row.querySelector("span").textContent);
"""


def _log_in(urls: dict[str, str], page: Page) -> None:
    user, password = (live.secret("monitoring", "grafana-admin", key) for key in ("user", "password"))
    page.open(urls["local-grafana"])
    page.fill("User", user)
    page.fill("Password", "wrong")
    page.click("button", "Log in")
    page.see("user or password is wrong")
    page.styled()
    page.fill("User", user)
    page.fill("Password", password)
    page.click("button", "Log in")


def test_grafana_shows_the_dashboard(urls: dict[str, str], page: Page) -> None:
    _log_in(urls, page)
    for title in ("Targets that answer", "Node: memory in use", "Apps: memory"):
        page.find("heading", title)
    page.see("As of")
    page.until(lambda: len(page.driver.find_elements(By.CSS_SELECTOR, "canvas")) >= 4, "four charts")
    page.see("monitoring/prometheus-0")
    page.styled()
    assert page.run(_LEGEND) == ["here-" + "x" * 200]
    page.driver.refresh()
    page.see("monitoring/prometheus-0")
    page.click("button", "Log out")
    page.find("field", "Password")


def test_prometheus_shows_its_targets(urls: dict[str, str], page: Page) -> None:
    page.open(f"{urls['local-prometheus']}/targets")
    page.see("kubelet")
