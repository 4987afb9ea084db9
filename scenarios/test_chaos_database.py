"""The database is locked or out of reach while payments are made."""

from __future__ import annotations

import pytest

from harness.lives import lives
from harness.workload import Body, Strike, Trigger
from scenarios.payments import Bank, Paid

pytestmark = pytest.mark.chaos

AT_THE_THIRD = Trigger(on="task-succeeded", nth=3, heal_after_s=30.0)
SLOW = Body(hold_s=5.0)
"""So long that most payments are still to be made when the fault strikes, however slow the machine is."""


@pytest.mark.parametrize("fault", ["database_locked", "database_unreachable"])
def test_a_database_that_comes_back_costs_retries_and_no_payment(careful: Bank, fault: str) -> None:
    """`sqlite3.OperationalError` is retried, with longer and longer pauses."""
    paid = careful.pay(12, Strike(fault, {}, AT_THE_THIRD), body=SLOW)
    assert _retried(paid)
    paid.assert_each_paid_once()


def test_with_celery_s_defaults_a_locked_database_fails_payments_for_good(careless: Bank) -> None:
    """Nothing is lost in the broker's books, and yet somebody is not paid."""
    paid = careless.pay(12, Strike("database_locked", {}, AT_THE_THIRD), body=SLOW)
    paid.judgement.assert_kept("no_lost_task")
    assert not _retried(paid)
    assert paid.lost


def _retried(paid: Paid) -> int:
    return sum(bool(life.retries) for life in lives(paid.judgement.history).values())
