"""The page: causes first, everything an app said as text, nothing loaded, and small."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from harness.history import Event, History
from harness.reporters import _pack
from harness.reporters.html import HtmlReport, duration
from harness.verdict import Verdict
from tests.reporters.big import CONTRACT as LARGE
from tests.reporters.big import long_run
from tests.reporters.judged import (
    BROKEN,
    CONTRACT,
    HISTORY,
    HOSTILE,
    HOSTILE_VERDICT,
    KEPT,
    UNKNOWN,
    VERDICTS,
)  # fmt: skip


def page(*verdicts: Verdict, history: History = HISTORY) -> str:
    """The whole file."""
    return HtmlReport().render(CONTRACT, history, verdicts, color=True)


def packed(text: str) -> Any:
    """What the script reads."""
    (data,) = re.findall(r'<script type="application/gzip\+base64" id="data">([^<]*)</script>', text)
    return json.loads(gzip.decompress(base64.b64decode(data)))


class Reader(HTMLParser):
    """The elements of a page and its text, as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said.append(data.strip())


def test_a_broken_verdict_has_cause_promise_trace_and_replay_in_that_order() -> None:
    text = page(*VERDICTS)
    said = [
        "What does not hold, and why", "no autoretry_for", "given up after 5 retries (contract.toml:9)",
        "name OSError in autoretry_for", "celery-harness verify -A shop:app --seed 7", "task-failed",
    ]  # fmt: skip
    places = [text.index(each) for each in said]
    assert places == sorted(places)


def test_what_is_unknown_is_folded_and_what_is_kept_is_in_the_grid_alone() -> None:
    text = page(UNKNOWN, KEPT)
    assert "What was not put to the test (1)" in text
    assert "What does not hold" not in text
    assert '<span class="cell kept" title="3 attempts">kept</span>' in text


def test_the_lead_counts() -> None:
    assert "1 of 3 promises of the contract did not hold; 1 of 3 were not put to the test." in page(*VERDICTS)
    assert "All 1 promises of the contract held while faults were injected." in page(KEPT)
    assert "Nothing was promised" in page()


def test_the_policy_allows_the_page_s_own_script_and_style_and_nothing_else() -> None:
    text = page(BROKEN)
    (policy,) = [
        element["content"] or ""
        for tag, element in Reader(text).elements
        if tag == "meta" and element.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    style, script = (
        re.search(pattern, text, re.DOTALL)
        for pattern in (r"<style>(.*?)</style>", r"<script>(.*?)</script>")
    )
    assert style is not None
    assert script is not None
    hashes = [
        base64.b64encode(hashlib.sha256(each[1].encode()).digest()).decode() for each in (script, style)
    ]
    assert rules == {
        "default-src": "'none'", "script-src": f"'sha256-{hashes[0]}'", "style-src": f"'sha256-{hashes[1]}'",
        "base-uri": "'none'", "form-action": "'none'",
    }  # fmt: skip


def test_the_script_makes_no_markup_of_data() -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", page(), re.DOTALL)
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("):
        assert word not in script


def test_hostile_text_is_text_everywhere() -> None:
    event = Event(1.0, "task-failed", HOSTILE, HOSTILE, HOSTILE, {"error": HOSTILE, HOSTILE: HOSTILE})
    verdict = replace(HOSTILE_VERDICT, guarantee=HOSTILE, tier=HOSTILE, events=(0,))
    text = page(verdict, history=replace(HISTORY, events=(event,)))
    read = Reader(text)
    assert [tag for tag, _ in read.elements].count("script") == 2
    assert not any(name.startswith("on") for _, element in read.elements for name in element)
    assert any("<script>alert(1)" in said for said in read.said)
    assert "hunter2" not in text
    assert "hunter2" not in json.dumps(packed(text))


def test_the_page_names_no_address_to_load() -> None:
    for tag, element in Reader(page(*VERDICTS)).elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base")
        assert "src" not in element
        assert (element.get("href") or "#").startswith("#")


def test_events_are_packed_whole() -> None:
    document = packed(page(*VERDICTS))
    assert [document["kinds"][each] for each in document["kind"]] == ["task-sent", "task-failed"]
    assert document["at"] == [1000, 1500]
    assert document["ids"] == ["11111111-a"]
    assert document["verdicts"][0] == ["retry_cap", "critical", "broken", [0, 1]]
    assert document["cut"] is None


def test_a_hundred_thousand_events_stay_below_five_megabytes() -> None:
    history = long_run(100_000)
    text = HtmlReport().render(LARGE, history, VERDICTS, color=False)
    assert len(history.events) >= 100_000
    assert len(text.encode()) <= 5_000_000
    assert len(packed(text)["at"]) == len(history.events)


def test_what_does_not_fit_is_cut_and_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pack, "LARGEST_RAW", 5_000)
    document = packed(HtmlReport().render(LARGE, long_run(2_000), (), color=False))
    assert document["cut"] in _pack.LONGEST_DETAIL
    assert document["cut"] < 100
    assert max(map(len, document["details"])) <= document["cut"] + 1


def test_the_same_run_gives_the_same_bytes() -> None:
    assert page(*VERDICTS) == page(*VERDICTS)


@pytest.mark.parametrize(("seconds", "text"), [(58, "58 s"), (125, "2 min 5 s"), (15_200, "4 h 13 min")])
def test_durations_are_read_by_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text
