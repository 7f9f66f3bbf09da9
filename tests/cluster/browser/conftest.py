"""One browser for all tests of pages; each has cookies of its own, and a picture of what it saw when it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.browser import Page, chromium

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome

_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember for the fixture whether the test failed."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Chromium."""
    with chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


@pytest.fixture
def page(browser: Chrome, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A window of somebody who has not been anywhere yet."""
    empty = browser.current_window_handle
    browser.switch_to.new_window("tab")
    page = Page(browser)
    page.command("Network.clearBrowserCookies", {})
    yield page
    if request.node.stash.get(_FAILED, False):
        picture = tmp_path / "page.png"
        picture.write_bytes(browser.get_screenshot_as_png())
        print(f"what the browser showed: {picture} ({browser.current_url})")
    for window in set(browser.window_handles) - {empty}:
        browser.switch_to.window(window)
        browser.close()
    browser.switch_to.window(empty)
