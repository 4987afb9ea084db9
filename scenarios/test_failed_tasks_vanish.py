"""A task has failed for good, and nothing is left of it that somebody could look at or send again."""

from __future__ import annotations

import pytest

from harness.plugin import Judgement

TIERS = ("critical", "high", "background", "low", "normal")


@pytest.mark.parametrize("tier", TIERS)
def test_every_final_failure_leaves_one_letter_to_replay(myhours: Judgement, tier: str) -> None:
    """Name, arguments, error, traceback, attempts and queue, in a table that outlives the broker."""
    myhours.assert_kept("dead_letter", tier)


def test_nothing_that_succeeded_is_filed(myhours: Judgement) -> None:
    """A letter for a task that a retry has mended would be sent again, and done twice."""
    myhours.assert_kept("dead_letter_only_failed")


@pytest.mark.parametrize("tier", TIERS)
def test_every_task_is_accounted_for(myhours: Judgement, tier: str) -> None:
    """Succeeded, failed, dead-lettered, or still with the broker for a worker: exactly one of them."""
    myhours.assert_kept("no_lost_task", tier)


@pytest.mark.parametrize("tier", ["critical", "high", "integrations", "low"])
def test_as_documented_nothing_calls_the_handler(documented: Judgement, tier: str) -> None:
    """`handle_failed_task` is a task that no signal, no `link_error` and no base class refers to."""
    verdict = documented.assert_broken("dead_letter", tier, says="left no letter")
    assert "nothing calls" in verdict.blame
    assert "handle_failed_task" in verdict.blame
