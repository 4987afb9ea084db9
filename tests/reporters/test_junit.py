"""JUnit XML: broken fails, unknown errs, kept passes, and anything at all is well-formed."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from harness.reporters.junit import JunitReport
from harness.verdict import Verdict
from tests.reporters.judged import CONTRACT, HISTORY, HOSTILE_VERDICT, VERDICTS


def parsed(*verdicts: Verdict) -> ET.Element:
    """The root of the document."""
    return ET.fromstring(JunitReport().render(CONTRACT, HISTORY, verdicts, color=True))  # noqa: S314 - our own


def test_a_suite_for_each_tier_with_its_counts() -> None:
    root = parsed(*VERDICTS)
    assert {key: root.get(key) for key in ("name", "tests", "failures", "errors")} == {
        "name": "shop:app", "tests": "3", "failures": "1", "errors": "1"
    }  # fmt: skip
    assert [(suite.get("name"), suite.get("tests")) for suite in root] == [("critical", "1"), ("low", "2")]


def test_broken_is_a_failure_with_its_story() -> None:
    case = parsed(*VERDICTS).find("testsuite/testcase[@name='retry_cap']")
    assert case is not None
    assert (case.get("classname"), case.get("file")) == ("shop:app.critical", "contract.toml")
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("message") == "1 attempt"
    story = failure.text or ""
    assert "blame      no autoretry_for" in story
    assert "2.50 s  task-failed 11111111" in story
    assert "reproduce  celery-harness verify -A shop:app --seed 7" in story


def test_unknown_is_an_error_and_kept_is_neither() -> None:
    unknown, kept = parsed(*VERDICTS).findall("testsuite[@name='low']/testcase")
    assert (unknown.get("name"), [each.tag for each in unknown]) == ("rate_limit", ["error"])
    assert (kept.get("name"), [each.tag for each in kept]) == ("retry_cap", ["system-out"])


def test_hostile_text_is_text() -> None:
    failure = parsed(HOSTILE_VERDICT).find("testsuite/testcase/failure")
    assert failure is not None
    assert "</script>" in (failure.get("message") or "")
    assert "hunter2" not in ET.tostring(failure, encoding="unicode")


def test_the_run_is_described() -> None:
    properties = parsed(*VERDICTS).findall("testsuite[@name='low']/properties/property")
    assert {each.get("name"): each.get("value") for each in properties}["seed"] == "7"
