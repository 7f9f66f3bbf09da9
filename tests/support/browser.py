"""Pages as people use them: Debian's Chromium, driven by what is written on buttons and beside fields."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from selenium import webdriver
from selenium.common.exceptions import NoAlertPresentException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from local.images.packages import libraries, unpack
from local.progress import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from selenium.webdriver.remote.webelement import WebElement

T = TypeVar("T")
Role = Literal["button", "link", "field", "checkbox", "heading"]
_SELECTORS: dict[Role, str] = {
    "button": "button, input[type=submit]",
    "link": "a[href]",
    "field": "input:not([type=checkbox]):not([type=submit]), textarea",
    "checkbox": "input[type=checkbox]",
    "heading": "h1, h2, h3",
}
_PACKAGES = ("chromium", "chromium-driver", "fonts-dejavu-core")
_WAIT_S = 30.0
_WINDOW = (1200, 900)


def _programs(directory: Path) -> tuple[str, str, dict[str, str]]:
    """Chromium, its driver and their environment: the machine's own, else Debian's, unpacked into the cache."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser and driver:
        return browser, driver, dict(os.environ)
    root = unpack(_PACKAGES, SilentProgress())
    fonts = directory / "fonts.conf"
    fonts.write_text(f"<fontconfig><dir>{root}/usr/share/fonts</dir></fontconfig>", encoding="utf-8")
    # PulseAudio's libraries find a part of themselves in a directory of their own.
    paths = [path for base in libraries(root) for path in (base, base / "pulseaudio")]
    environment = {"LD_LIBRARY_PATH": ":".join(map(str, paths)), "FONTCONFIG_FILE": str(fonts)}
    return f"{root}/usr/lib/chromium/chromium", f"{root}/usr/bin/chromedriver", {**os.environ, **environment}


@contextlib.contextmanager
def chromium(directory: Path) -> Generator[webdriver.Chrome]:
    """A browser without a window; `directory` is for its files."""
    browser, driver, environment = _programs(directory)
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    arguments = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-proxy-server")
    for argument in (*arguments, f"--user-data-dir={directory}/profile", "--window-size={},{}".format(*_WINDOW)):
        options.add_argument(argument)
    service = webdriver.ChromeService(driver, env=environment)
    window = webdriver.Chrome(options=options, service=service)
    try:
        yield window
    finally:
        window.quit()


@dataclass(frozen=True)
class Page:
    """What a person sees in the window, and what they do there. Everything is waited for."""

    driver: webdriver.Chrome

    def open(self, url: str) -> None:
        self.driver.get(url)

    def until(self, look: Callable[[], T], what: str) -> T:
        """Wait for an answer that is true."""
        ignored = (StaleElementReferenceException,)
        return WebDriverWait(self.driver, _WAIT_S, 0.1, ignored).until(lambda _: look(), f"{what} is not there")

    def all(self, role: Role, name: str, within: WebElement | None = None) -> list[WebElement]:
        """Everything to be seen of a role that bears a name, for those who cannot see as well."""
        place = within or self.driver
        found = [
            element for element in place.find_elements(By.CSS_SELECTOR, _SELECTORS[role]) if element.is_displayed()
        ]
        return [element for element in found if element.accessible_name.strip() == name]

    def find(self, role: Role, name: str, within: WebElement | None = None) -> WebElement:
        """The first one of them."""
        return self.until(lambda: self.all(role, name, within), f"a {role} named {name!r}")[0]

    def click(self, role: Role, name: str, within: WebElement | None = None) -> None:
        self.find(role, name, within).click()

    def fill(self, name: str, text: str, within: WebElement | None = None) -> None:
        """Write into a field what it shall hold."""
        field = self.find("field", name, within)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(text)

    def rewrite(self, text: str) -> None:
        """Write into the field that is being edited instead of what it holds, and press Enter."""
        field = self.driver.switch_to.active_element
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(text, Keys.ENTER)

    def sees(self, text: str) -> bool:
        """Whether the text is to be seen now."""
        return text in self.driver.find_element(By.TAG_NAME, "body").text

    def see(self, text: str) -> None:
        """Wait until the text is to be seen."""
        self.until(lambda: self.sees(text), repr(text))

    def see_no_more(self, text: str) -> None:
        """Wait until the text is not to be seen any more."""
        self.until(lambda: not self.sees(text), f"a page without {text!r}")

    def item(self, selector: str, text: str) -> WebElement:
        """The innermost place of a list, by CSS selector, that holds a text."""

        def look() -> list[WebElement]:
            return [place for place in self.driver.find_elements(By.CSS_SELECTOR, selector) if text in place.text]

        return self.until(look, f"{selector} with {text!r}")[-1]

    def agree(self) -> None:
        """Say yes to the question in front of the page, if there is one."""
        with contextlib.suppress(NoAlertPresentException):
            self.driver.switch_to.alert.accept()

    def styled(self) -> None:
        """The page's stylesheet came, it fits a telephone, and it has a picture for its tab."""
        rules = "return [...document.styleSheets].map(one => one.cssRules.length)"
        assert max(self.run(rules), default=0) > 100, "the stylesheet is not there"
        assert self.driver.find_elements(By.CSS_SELECTOR, "meta[name=viewport]")
        assert self.driver.find_elements(By.CSS_SELECTOR, "link[rel~=icon]")
        telephone = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": True}
        self.command("Emulation.setDeviceMetricsOverride", telephone)
        try:
            over = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
            self.until(lambda: self.run(over) <= 0, "a page that fits a telephone")
        finally:
            self.command("Emulation.clearDeviceMetricsOverride", {})

    def run(self, script: str) -> Any:
        """What a script in the page returns."""
        return self.driver.execute_script(script)  # pyright: ignore[reportUnknownMemberType] - its arguments have no type

    def command(self, name: str, values: dict[str, Any]) -> None:
        """A command of the Chrome DevTools Protocol (https://chromedevtools.github.io/devtools-protocol/)."""
        self.driver.execute_cdp_cmd(name, values)  # pyright: ignore[reportUnknownMemberType] - a dict without types
