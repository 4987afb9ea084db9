"""A browser without a window, for the pages that the HTML reporter makes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

from harness.broker import Availability
from tests.driver import missing

READY_WITHIN_S = 30.0


class Browser:
    """Chromium on one page at a time."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, page: str, folder: Path) -> None:
        """Open a page from a file, and wait until its script has drawn it."""
        path = folder / "report.html"
        path.write_text(page, encoding="utf-8")
        self.driver.get(path.as_uri())
        WebDriverWait(self.driver, READY_WITHIN_S, poll_frequency=0.02).until(lambda _: self.ready_ms())

    def ready_ms(self) -> int:
        """Milliseconds from the navigation to the first picture; 0 where there is none yet."""
        return int(self.run("return document.documentElement.dataset.readyMs || 0"))

    def run(self, script: str) -> Any:
        """What a script in the page returns."""
        return self.driver.execute_script(script)

    def text(self, selector: str) -> str:
        """What an element shows."""
        return str(self.run(f"return document.querySelector({json.dumps(selector)}).textContent"))

    def requests(self) -> list[str]:
        """The addresses that were asked for since the last question."""
        messages = [json.loads(row["message"])["message"] for row in self._log("performance")]
        wanted = [each for each in messages if each["method"] == "Network.requestWillBeSent"]
        return [str(each["params"]["request"]["url"]) for each in wanted]

    def complaints(self) -> list[str]:
        """What the console says: errors of scripts, and what the policy refused."""
        return [str(row["message"]) for row in self._log("browser")]

    def _log(self, name: str) -> list[dict[str, Any]]:
        return list(self.driver.get_log(name))  # type: ignore[no-untyped-call]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that ends with the context."""
    binary, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not chromedriver:
        missing(
            Availability(
                ok=False,
                why="there is no Chromium with its driver",
                remedy="apt-get install chromium chromium-driver",
            )
        )
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.add_argument("--window-size=1400,1000")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all pages."""
    with chromium() as opened:
        yield opened
