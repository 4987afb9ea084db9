"""SARIF: what is not kept, at the line of the repository that promises it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from harness.reporters._story import Place, place_of
from harness.reporters.sarif import SarifReport
from harness.verdict import Verdict
from tests.reporters.judged import BROKEN, CONTRACT, HISTORY, HOSTILE_VERDICT, KEPT, VERDICTS


def log(*verdicts: Verdict) -> Any:
    """The one run of the document."""
    document = json.loads(SarifReport().render(CONTRACT, HISTORY, verdicts, color=True))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    return run


def test_broken_is_an_error_and_unknown_a_warning_and_kept_is_not_there() -> None:
    found = [(each["ruleId"], each["level"]) for each in log(*VERDICTS)["results"]]
    assert found == [("retry_cap", "error"), ("rate_limit", "warning")]
    assert log(KEPT)["results"] == []


def test_each_result_points_to_its_rule_and_its_line() -> None:
    run = log(*VERDICTS)
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "contract.toml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 9},
    }


def test_a_rule_says_what_explain_says() -> None:
    (rule,) = log(BROKEN)["tool"]["driver"]["rules"]
    assert rule["name"] == "RetryCap"
    assert rule["shortDescription"]["text"].endswith(".")


def test_the_message_has_cause_and_command() -> None:
    text = log(BROKEN)["results"][0]["message"]["text"]
    assert "blame: no autoretry_for" in text
    assert text.endswith("reproduce: celery-harness verify -A shop:app --seed 7")


def test_an_alert_stays_the_same_when_what_was_observed_differs() -> None:
    first, again = (
        log(v)["results"][0]["partialFingerprints"] for v in (BROKEN, replace(BROKEN, observed="2"))
    )
    assert first == again == {"celeryHarness/v1": "retry_cap/critical"}


def test_passwords_are_masked() -> None:
    assert "hunter2" not in json.dumps(log(HOSTILE_VERDICT)["results"])


@pytest.mark.parametrize(
    ("origin", "place"),
    [
        ("contract.toml:7", Place("contract.toml", 7)),
        ("task_routes['pay.*'] in proj/celery.py:52", Place("proj/celery.py", 52)),
        ("CELERY_X in Django settings proj/settings.py:42", Place("proj/settings.py", 42)),
        ("acks_late = True (CELERY_X in Django settings a/b.py:3), other", Place("a/b.py", 3)),
        ("Celery's default", None),
        ("", None),
    ],
)
def test_an_origin_names_a_line_or_none(origin: str, place: Place | None) -> None:
    assert place_of(origin) == place


def test_what_names_no_line_is_put_at_the_contract() -> None:
    result = log(replace(BROKEN, origin="Celery's default", blame=""))["results"][0]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "contract.toml"
