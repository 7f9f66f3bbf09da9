"""The guestbook in a browser."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.browser import Page

pytestmark = pytest.mark.cluster


def test_messages_are_written_and_are_there_after_a_reload(urls: dict[str, str], page: Page) -> None:
    page.open(urls["guestbook-frontend"])
    page.find("heading", "Guestbook")
    messages = [f"hello {uuid.uuid4().hex[:8]}", f"Müller 😀 {uuid.uuid4().hex[:8]}"]
    for message in messages:
        page.fill("Message", message)
        page.click("button", "Submit")
        page.see(message)
    page.styled()
    page.driver.refresh()
    for message in messages:
        page.see(message)
