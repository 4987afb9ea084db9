"""The gate's answer for other programs."""

from __future__ import annotations

import json

from harness.gate_reports.json import JsonGate
from tests.gate_reports.compared import ALL, HOSTILE_CHANGE, NOTHING


def test_everything_is_in_it() -> None:
    document = json.loads(JsonGate().render(ALL, color=True))
    assert (document["outcome"], document["promised"], document["lock_current"]) == ("broken", 23, False)
    assert document["choices"] == [
        {"guarantee": "retry_cap", "tiers": ["critical"], "why": ["max_retries of shop.pay"]}
    ]
    first = document["differences"][0]
    assert (first["kind"], first["name"], first["accepted"], first["evidence"]["before"]) == (
        "weakened",
        "retry_cap",
        False,
        "6 attempts",
    )
    assert [each["rule"] for each in document["findings"]] == ["CH101"]
    assert document["verdicts"][0]["guarantee"] == "retry_cap"


def test_without_rules_there_are_no_findings() -> None:
    assert json.loads(JsonGate().render(NOTHING, color=False))["findings"] is None


def test_credentials_are_masked() -> None:
    assert "hunter2" not in JsonGate().render(HOSTILE_CHANGE, color=False)
    assert '"old"' not in JsonGate().render(ALL, color=False)
