"""A full disk, a mail server away, a locked database: gone a minute later, yet the task fails for good."""

from __future__ import annotations

import pytest

from harness.plugin import Judgement


@pytest.mark.parametrize("tier", ["critical", "high", "background", "low", "normal"])
def test_passing_failures_are_retried_and_mistakes_are_not(myhours: Judgement, tier: str) -> None:
    """Filesystem, mail and database errors come again; a `TypeError` does not, for it would never pass."""
    retry = myhours.contract.tier(tier).retry
    assert retry is not None
    assert retry.on == ("filesystem", "mail", "database")
    assert retry.not_on == ("programming",)
    myhours.assert_kept("retried_failures", tier)


@pytest.mark.parametrize("failure", ["filesystem", "mail", "database"])
def test_as_documented_no_failure_is_retried(documented: Judgement, failure: str) -> None:
    """A task that just raises is never retried: Celery needs `autoretry_for` or a call of `retry()`."""
    verdict = documented.assert_broken("retried_failures", "critical", says="autoretry_for")
    assert failure in verdict.observed
    assert "never retried" in verdict.observed
