"""A task that hangs holds its worker for ever, and a burst overruns what is behind it."""

from __future__ import annotations

import pytest

from harness.plugin import Judgement

TIERS = ("critical", "high", "background", "low", "normal")
UNLIMITED = {"critical": "200/m", "high": "120/m", "integrations": "60/m", "low": "20/m"}


@pytest.mark.parametrize("tier", TIERS)
def test_a_task_that_hangs_is_interrupted_and_then_killed(myhours: Judgement, tier: str) -> None:
    """At the soft limit it may clean up; at the hard limit its process ends."""
    myhours.assert_kept("time_limits", tier)


@pytest.mark.parametrize("tier", TIERS)
def test_a_burst_starts_at_the_promised_rate(myhours: Judgement, tier: str) -> None:
    """Over all workers together, and without losing what has to wait."""
    myhours.assert_kept("rate_limit", tier)


@pytest.mark.parametrize("tier", UNLIMITED)
def test_as_documented_no_rate_is_limited(documented: Judgement, tier: str) -> None:
    """The document gives numbers, and no `rate_limit` anywhere."""
    verdict = documented.assert_broken("rate_limit", tier, says="rate_limit is not set")
    assert UNLIMITED[tier] in verdict.observed


@pytest.mark.parametrize("tier", ["critical", "high", "low"])
def test_as_documented_the_one_global_time_limit_binds(documented: Judgement, tier: str) -> None:
    """`task_time_limit` and `task_soft_time_limit` are real settings, enforced by the prefork pool."""
    documented.assert_kept("time_limits", tier)
