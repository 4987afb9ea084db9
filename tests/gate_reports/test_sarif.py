"""The gate's answer as SARIF."""

from __future__ import annotations

import json
from typing import Any

from harness.comparison import Comparison
from harness.gate_reports.sarif import SarifGate
from tests.gate_reports.compared import ALL, HOSTILE_CHANGE, NOTHING


def log(comparison: Comparison) -> Any:
    """The one run of the document."""
    (run,) = json.loads(SarifGate().render(comparison, color=True))["runs"]
    return run


def test_what_is_weaker_is_an_error_what_was_accepted_a_note_and_what_is_unknown_a_warning() -> None:
    found = {
        (each["ruleId"], each["partialFingerprints"]["celeryHarness/v1"]): each["level"]
        for each in log(ALL)["results"]
    }
    assert found == {
        ("retry_cap", "gate/guarantees/critical/retry_cap"): "error",
        ("retry_cap", "gate/facts/shop.pay/attempts.mail"): "error",
        ("promise", "gate/promises/low/retry.max_retries"): "note",
        ("loss_recovered", "gate/guarantees/low/loss_recovered"): "warning",
        ("CH101", "CH101/shop.pay"): "error",
    }


def test_each_is_at_the_line_that_promises_it() -> None:
    places = [each["locations"][0]["physicalLocation"] for each in log(ALL)["results"]]
    lines = [(each["artifactLocation"]["uri"], each["region"]["startLine"]) for each in places]
    assert lines[0] == ("contract.toml", 9)
    assert lines[2] == ("contract.toml", 20)
    assert lines[-1] == ("proj/celery.py", 7)


def test_rules_are_those_of_the_results() -> None:
    run = log(ALL)
    rules = [each["id"] for each in run["tool"]["driver"]["rules"]]
    assert all(rules[each["ruleIndex"]] == each["ruleId"] for each in run["results"])
    assert log(NOTHING)["results"] == []


def test_passwords_are_masked() -> None:
    assert "hunter2" not in json.dumps(log(HOSTILE_CHANGE))
