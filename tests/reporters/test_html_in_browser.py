"""The page in Chromium: it draws, filters, obeys the keyboard, asks the network for nothing, runs no data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from harness.history import Event
from harness.reporters.html import HtmlReport
from harness.verdict import Outcome, Verdict
from tests.reporters.big import CONTRACT, long_run
from tests.reporters.conftest import Browser
from tests.reporters.judged import HISTORY, HOSTILE, HOSTILE_VERDICT

RUN = long_run(1_500)
FAILED = next(place for place, event in enumerate(RUN.events) if event.kind == "task-failed")
VERDICTS = (
    Verdict(
        "retry_cap",
        "critical",
        Outcome.BROKEN,
        "5 retries",
        "3 attempts",
        events=(FAILED,),
        blame="b",
        mend="m",
    ),
    Verdict("queue_used", "critical", Outcome.KEPT, "critical", "critical"),
)
PAGE = HtmlReport().render(CONTRACT, RUN, VERDICTS, color=False)
MARKED = HOSTILE.replace("alert(1)", "document.title='run'") + '"><img src=x onerror="document.title=1">'


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Browser:
    """The report of a run with retries, in the browser."""
    browser.requests()
    browser.complaints()
    browser.open(PAGE, tmp_path)
    return browser


def shown(page: Browser) -> int:
    """How many events pass the filters."""
    return int(page.text("#count").split(" of ")[0].replace(",", ""))


def pixels(page: Browser) -> str:
    """The timeline as it is drawn."""
    return str(page.run("return document.getElementById('stage').toDataURL()"))


def choose(page: Browser, select: str, value: str) -> None:
    """Choose one value of a filter."""
    Select(page.driver.find_element(By.ID, select)).select_by_value(value)


def test_it_draws_every_event_without_the_network_and_without_a_complaint(page: Browser) -> None:
    assert shown(page) == len(RUN.events)
    assert page.complaints() == []
    assert [url for url in page.requests() if not url.startswith(("file:", "blob:", "data:"))] == []


def test_tasks_tiers_and_verdicts_are_filters(page: Browser) -> None:
    whole, picture = shown(page), pixels(page)
    choose(page, "tier", "high")
    high = shown(page)
    assert 0 < high < whole
    names = "[...document.querySelectorAll('#rows .id .task')].map(b => b.textContent)"
    assert page.run(f"return {names}.every(name => name.startsWith('high.'))")
    choose(page, "tier", "")
    choose(page, "verdict", "0")
    (task_id,) = {RUN.events[FAILED].task_id}
    assert shown(page) == sum(event.task_id == task_id for event in RUN.events)
    WebDriverWait(page.driver, 10).until(lambda _: pixels(page) != picture)


def test_the_search_finds_arguments_errors_and_ids(page: Browser) -> None:
    query = page.driver.find_element(By.ID, "query")
    query.send_keys(str(RUN.events[FAILED].task_id))
    expected = sum(event.task_id == RUN.events[FAILED].task_id for event in RUN.events)
    WebDriverWait(page.driver, 10).until(lambda _: shown(page) == expected)
    page.driver.find_element(By.ID, "clear").click()
    WebDriverWait(page.driver, 10).until(lambda _: shown(page) == len(RUN.events))


def test_the_keyboard_is_enough(page: Browser) -> None:
    ActionChains(page.driver).send_keys("/").perform()
    assert page.run("return document.activeElement.id") == "query"
    canvas = page.driver.find_element(By.ID, "stage")
    before = pixels(page)
    canvas.send_keys("n")
    assert page.run("return document.getElementById('life').hidden") is False
    canvas.send_keys("+", Keys.ARROW_RIGHT)
    WebDriverWait(page.driver, 10).until(lambda _: pixels(page) != before)
    canvas.send_keys(Keys.ENTER)
    assert page.run("return document.activeElement.id") == "life"
    canvas.send_keys(Keys.ESCAPE)
    assert page.run("return document.getElementById('life').hidden") is True


def test_a_task_says_what_its_retries_were_promised_and_what_they_took(page: Browser) -> None:
    page.run("document.querySelector('button.show').click()")
    WebDriverWait(page.driver, 10).until(
        lambda _: not page.run("return document.getElementById('life').hidden")
    )
    said = page.text("#life-hint")
    assert "tier critical" in said
    assert "retry 1 after 15.04 s (promised 15 to 30 s)" in said


def test_there_are_three_clocks(page: Browser) -> None:
    values = page.run("return [...document.getElementById('axis').options].map(o => o.value)")
    assert values == ["short", "stage", "real"]
    pictures = set()
    for value in ("short", "stage", "real"):
        choose(page, "axis", value)
        page.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
        pictures.add(pixels(page))
    assert len(pictures) == 3


def test_dark_mode_is_drawn_dark(page: Browser) -> None:
    def scheme(value: str) -> tuple[str, str]:
        features = [{"name": "prefers-color-scheme", "value": value}]
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        page.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
        return str(page.run("return getComputedStyle(document.body).backgroundColor")), pixels(page)

    light, dark = scheme("light"), scheme("dark")
    scheme("")
    assert light[0] == "rgb(246, 247, 249)"
    assert dark[0] == "rgb(17, 21, 28)"
    assert light[1] != dark[1]


def test_what_an_app_said_is_shown_and_never_run(browser: Browser, tmp_path: Path) -> None:
    event = Event(1.0, "task-sent", "client:1", MARKED, MARKED, {"args": [MARKED], "queue": MARKED})
    verdict = replace(HOSTILE_VERDICT, guarantee=MARKED, tier=MARKED, observed=MARKED, events=(0,))
    history = replace(HISTORY, events=(event,))
    browser.complaints()
    browser.open(HtmlReport().render(CONTRACT, history, (verdict,), color=False), tmp_path)
    browser.run("document.querySelector('#rows button.task').click()")
    assert browser.driver.title == "broken: shop:app"
    assert browser.run("return document.images.length") == 0
    assert "<script>document.title" in browser.text("#rows")
    assert "<script>document.title" in browser.text("#life-title")
    assert browser.complaints() == []


def test_a_hundred_thousand_events_open(browser: Browser, tmp_path: Path) -> None:
    history = long_run(100_000)
    browser.open(HtmlReport().render(CONTRACT, history, VERDICTS, color=False), tmp_path)
    assert shown(browser) == len(history.events)
