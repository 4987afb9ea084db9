"""The gate's answer as JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from harness.comparison import Comparison
from harness.gate_reports.junit import JunitGate
from tests.gate_reports.compared import ALL, HOSTILE_CHANGE


def parsed(comparison: Comparison) -> ET.Element:
    """The root of the document."""
    return ET.fromstring(JunitGate().render(comparison, color=True))  # noqa: S314 - our own


def test_weakened_fails_unknown_errs_and_the_rest_passes() -> None:
    results = {
        (case.get("classname"), case.get("name")): [each.tag for each in case if each.tag != "system-out"]
        for case in parsed(ALL).iter("testcase")
    }
    assert results == {
        ("gate shop:app.critical", "retry_cap"): ["failure"],
        ("gate shop:app.shop.pay", "attempts.mail"): ["failure"],
        ("gate shop:app.low", "retry.max_retries"): [],
        ("gate shop:app.low", "loss_recovered"): ["error"],
        ("gate shop:app.low", "time_limits"): [],
        ("gate shop:app.shop.pay", "queue"): [],
        ("gate shop:app.low", "rate_limit"): [],
        ("gate shop:app.app", "routes_match"): [],
        ("gate shop:app.rules", "CH101"): ["failure"],
    }


def test_a_failure_has_its_evidence_and_its_file() -> None:
    case = parsed(ALL).find("testsuite[@name='critical']/testcase")
    assert case is not None
    failure = case.find("failure")
    assert failure is not None
    assert (case.get("file"), failure.get("message")) == ("contract.toml", "weakened: kept, now broken")
    assert "blame      max_retries = 2" in (failure.text or "")


def test_hostile_text_is_text() -> None:
    assert "hunter2" not in ET.tostring(parsed(HOSTILE_CHANGE), encoding="unicode")
