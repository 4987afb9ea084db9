"""Results fill the backend's memory, or the one that matters is gone when somebody looks."""

from __future__ import annotations

import pytest

from harness.plugin import Judgement
from scenarios.since import need_young_settings

HOUR_S, WEEK_S = 3600, 7 * 24 * 3600
TIERS = ("critical", "high", "background", "low", "normal")


@pytest.mark.parametrize("tier", TIERS)
def test_results_live_an_hour_and_failures_a_week(myhours: Judgement, tier: str) -> None:
    """The error of last night's run is still there in the morning."""
    need_young_settings(myhours)
    promised = myhours.contract.tier(tier).result
    assert promised is not None
    assert (promised.expires_s, promised.failure_expires_s) == (HOUR_S, WEEK_S)
    myhours.assert_kept("result_expiry", tier)


@pytest.mark.parametrize("tier", TIERS)
def test_large_results_are_compressed(myhours: Judgement, tier: str) -> None:
    """Celery reads `result_compression` from 5.7 on; older ones have no such setting."""
    need_young_settings(myhours)
    myhours.assert_kept("result_compression", tier)


def test_results_are_json(myhours: Judgement) -> None:
    """Nobody has to unpickle what a worker wrote."""
    myhours.assert_kept("result_serializer")


@pytest.mark.parametrize("guarantee", ["result_expiry", "result_serializer"])
def test_as_documented_results_are_kept_as_promised(documented: Judgement, guarantee: str) -> None:
    """These are real settings of Celery, and do what the document says."""
    documented.assert_kept(guarantee, "critical")
