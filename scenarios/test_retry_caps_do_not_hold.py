"""A task that cannot succeed is tried for ever, or given up too soon."""

from __future__ import annotations

import pytest

from harness.lives import lives
from harness.plugin import Judgement

ATTEMPTS = {"critical": 6, "high": 4, "background": 3, "low": 4, "normal": 4}
"""The first attempt and the promised retries."""


@pytest.mark.parametrize("tier", ATTEMPTS)
def test_a_failing_task_ends_after_its_tier_s_retries(myhours: Judgement, tier: str) -> None:
    """Every task of the tier that always fails is tried as often as promised, and then fails for good."""
    myhours.assert_kept("retry_cap", tier)
    found = lives(myhours.history, f"retry_cap/{tier}").values()
    assert {len(life.numbers) for life in found} == {ATTEMPTS[tier]}


@pytest.mark.parametrize(
    ("tier", "promised"), [("critical", 6), ("high", 4), ("integrations", 3), ("low", 4)]
)
def test_as_documented_every_task_has_one_attempt(documented: Judgement, tier: str, promised: int) -> None:
    """`task_default_max_retries` and the annotation's `retry_policy` are read by nobody."""
    verdict = documented.assert_broken("retry_cap", tier, says=f"1 attempt, promised {promised}")
    assert "task_default_max_retries" in verdict.blame
