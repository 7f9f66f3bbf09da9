"""The todo page in a browser."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.browser import Page

pytestmark = pytest.mark.cluster


def test_signing_in_adding_changing_removing_signing_out(urls: dict[str, str], page: Page) -> None:
    page.open(urls["todo-web-server"])
    page.find("heading", "Todos")
    name = f"Anna Müller {uuid.uuid4().hex[:6]}"
    page.fill("Name", name)
    page.styled()
    page.click("button", "Begin")
    milk, bread = f"milk {uuid.uuid4().hex[:6]}", f"bread {'w' * 120}"
    for title in (milk, bread):
        page.fill("What is to be done?", title)
        page.click("button", "Add")
        page.see(title)
    page.styled()

    page.item("li", milk).find_element("css selector", "input[type=checkbox]").click()
    page.click("button", "Change", page.item("li", milk))
    page.rewrite("oat milk")
    page.see("oat milk")
    page.driver.refresh()
    page.see("oat milk")
    assert page.item("li", "oat milk").find_element("css selector", "input[type=checkbox]").is_selected()

    page.click("button", "Remove", page.item("li", "oat milk"))
    page.agree()
    page.see_no_more("oat milk")
    page.driver.refresh()
    page.see(bread)
    page.click("button", "Sign out")
    page.find("field", "Name")
    assert not page.sees(bread)
