"""Retries that all come after the same time, or at once, hit what is down again and again."""

from __future__ import annotations

import pytest

from harness.contract import Contract
from harness.lives import lives
from harness.plugin import Judgement

TIERS = ("critical", "high", "background", "low", "normal")


def test_countdowns_are_exponential_in_every_tier(myhours: Judgement) -> None:
    """Each delay lies inside its envelope, and is spread over it."""
    myhours.assert_kept("retry_delays")
    assert set(myhours.outcomes("retry_delays")) == set(TIERS)


@pytest.mark.parametrize("tier", TIERS)
def test_every_countdown_of_the_ladder_was_seen(myhours: Judgement, tier: str) -> None:
    """No step of the ladder is judged by analogy: the run holds a delay for each promised retry."""
    promised = myhours.contract.tier(tier).retry
    assert promised is not None
    seen = {
        trial.number
        for life in lives(myhours.history, f"retry_cap/{tier}").values()
        for trial in life.retries
    }
    assert seen == set(range(1, (promised.max_retries or 0) + 1))


def test_the_payroll_ladder_is_thirty_seconds_doubled_to_five_minutes(myhours: Judgement) -> None:
    """30, 60, 120, 240, 300 s: 750 s in all, before jitter."""
    assert _nominal(myhours.contract, "critical") == [30, 60, 120, 240, 300]


def test_as_documented_nothing_is_retried_so_nothing_backs_off(documented: Judgement) -> None:
    """The four settings that were to make the ladder are not settings."""
    verdict = documented.assert_broken("retry_delays", "critical", says="failed for good without a retry")
    assert "task_default_retry_delay" in verdict.blame


def _nominal(contract: Contract, tier: str) -> list[float]:
    retry = contract.tier(tier).retry
    assert retry is not None
    assert retry.delay is not None
    return [retry.delay.nominal_s(number) for number in range(1, (retry.max_retries or 0) + 1)]
