"""Cotoami in a browser: the mail is read on maildev's page, notes are written, changed and removed."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from selenium.webdriver.remote.webelement import WebElement

    from tests.support.browser import Page

pytestmark = pytest.mark.cluster


def _open_mail(page: Page, maildev: str, address: str) -> None:
    """Find the mail in maildev's list and click its link, which opens a window of its own."""
    page.open(maildev)
    page.item("li a", address).click()
    before = page.driver.window_handles

    def links() -> list[WebElement]:
        # The mail is in a frame, which maildev fills a moment after it has made it.
        page.driver.switch_to.default_content()
        page.driver.switch_to.frame(page.item("iframe.panel-html", ""))
        return page.all("link", "Sign in to Cotoami")

    page.until(links, "the mail's link")[0].click()
    page.driver.switch_to.default_content()
    opened = page.until(lambda: set(page.driver.window_handles) - set(before), "the window of the link")
    page.driver.switch_to.window(opened.pop())


def test_signing_in_writing_changing_removing_signing_out(urls: dict[str, str], page: Page) -> None:
    url, maildev = urls["cotoami"], urls["cotoami-maildev"]
    address = f"{uuid.uuid4().hex[:12]}@example.com"
    page.open(url)
    page.fill("Your mail address", address)
    page.styled()
    page.click("button", "Send me a sign-in link")
    page.see("A link is on its way")

    _open_mail(page, maildev, address)
    page.see(f"Signed in as {address}")
    assert page.driver.current_url.startswith(url), "the link leads where the person is"
    page.see("Nothing is written here yet.")

    page.fill("New cotonoma", "Anna Müller")
    page.click("button", "Make")
    page.find("link", "Anna Müller")
    for text in ("first 😀", "w" * 300):
        page.fill("Write a coto", text)
        page.click("button", "Post")
        page.see(text)
    page.styled()

    page.click("button", "Change", page.item("article", "first"))
    page.fill("Changed coto", "second")
    page.click("button", "Save")
    page.see("· changed")
    page.driver.refresh()
    page.see("second")
    assert not page.sees("first")

    page.click("button", "Remove", page.item("article", "second"))
    page.agree()
    page.see_no_more("second")
    page.click("link", "Anna Müller")
    page.click("button", "Remove cotonoma")
    page.agree()
    page.see_no_more("Anna Müller")
    page.driver.refresh()
    page.see("w" * 300)
    assert not page.sees("second")

    page.click("link", "Sign out")
    page.find("field", "Your mail address")


def test_a_link_that_does_not_sign_in_gives_a_page(urls: dict[str, str], page: Page) -> None:
    url = urls["cotoami"]
    page.open(f"{url}/signin/nonsense")
    page.find("heading", "This link does not sign in")
    page.styled()
    page.click("link", "Ask for a new link")
    page.find("field", "Your mail address")
