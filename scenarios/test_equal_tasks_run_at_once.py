"""The button was clicked twice, and so two workers calculate the same payroll."""

from __future__ import annotations

import pytest

from harness.plugin import Judgement


@pytest.mark.parametrize("tier", ["critical", "low"])
def test_one_of_several_equal_tasks_runs(myhours: Judgement, tier: str) -> None:
    """Until it has ended; other arguments are not kept waiting; a lost owner's lock expires."""
    myhours.assert_kept("deduplication", tier)


def test_a_payment_has_its_effect_once_however_often_it_is_delivered(myhours: Judgement) -> None:
    """A worker was killed between the row and the acknowledgement, and the message came again."""
    myhours.assert_kept("no_duplicate_effect", "critical")


@pytest.mark.parametrize("tier", ["critical", "low"])
def test_as_documented_equal_tasks_run_at_once(documented: Judgement, tier: str) -> None:
    """The document describes keys of MD5; there is no code, and Celery has no such feature."""
    documented.assert_broken("deduplication", tier, says="Celery has no deduplication of its own")
