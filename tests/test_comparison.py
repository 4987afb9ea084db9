"""A change fails where something is weaker and nobody accepted it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.comparison import Comparison, Finding, guarantee_of
from harness.differences import Difference
from harness.verdict import Outcome
from tests.gate_reports.compared import (
    BEFORE,
    BROKEN,
    FACT,
    NEUTRAL,
    PROMISE,
    STILL,
    STRONGER,
    UNKNOWN,
    WEAKER,
    compared,
)  # fmt: skip


@pytest.mark.parametrize(
    ("comparison", "outcome"),
    [
        (compared(), Outcome.KEPT),
        (compared(STRONGER, NEUTRAL), Outcome.KEPT),
        (compared(WEAKER, UNKNOWN), Outcome.BROKEN),
        (compared(WEAKER, accepted=(WEAKER,)), Outcome.KEPT),
        (compared(WEAKER, FACT, accepted=(WEAKER,)), Outcome.BROKEN),
        (compared(UNKNOWN), Outcome.UNKNOWN),
        (compared(rules=True), Outcome.BROKEN),
        (replace(compared(), findings=(Finding("CH2", "medium", "", "", ""),)), Outcome.KEPT),
    ],
)
def test_outcomes(comparison: Comparison, outcome: Outcome) -> None:
    assert comparison.outcome is outcome


def test_evidence_is_the_verdict_of_the_guarantee_in_the_tier_of_the_task() -> None:
    comparison = compared(WEAKER, FACT)
    assert comparison.evidence(WEAKER) == comparison.evidence(FACT) == BROKEN
    assert comparison.evidence_before(FACT) == BEFORE
    assert comparison.evidence(PROMISE) is None


def test_a_promise_is_at_its_line() -> None:
    assert compared().origin(PROMISE) == "contract.toml:20"
    assert compared().origin(WEAKER) == "contract.toml:9"


def test_what_was_broken_before_is_not_the_change_s_fault() -> None:
    assert compared(WEAKER).still_broken == [STILL]


@pytest.mark.parametrize(
    ("difference", "name"),
    [(WEAKER, "retry_cap"), (FACT, "retry_cap"), (NEUTRAL, "no_lost_task"), (PROMISE, "")],
)
def test_a_difference_belongs_to_a_guarantee(difference: Difference, name: str) -> None:
    assert guarantee_of(difference) == name
