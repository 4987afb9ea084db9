"""The result backend is gone when a task ends: what is paid stays paid, and is not paid again."""

from __future__ import annotations

import pytest

from harness.workload import Strike, Trigger
from scenarios.payments import Bank, Paid

pytestmark = pytest.mark.chaos

AWAY = Strike("results_gone", {}, Trigger(on="task-succeeded", nth=4, heal_after_s=60.0))


def test_a_result_backend_that_comes_back_costs_nothing(careful: Bank) -> None:
    """Storing is tried again until the backend answers."""
    strike = Strike("results_gone", {}, Trigger(on="task-succeeded", nth=4, heal_after_s=5.0))
    paid = careful.pay(16, strike)
    paid.assert_each_paid_once()
    assert not unanswered(careful, paid)


def test_results_are_there_after_a_minute_without_their_backend_where_storing_is_always_retried(
    careful: Bank,
) -> None:
    """`result_backend_always_retry`: whoever waits for a payment is told in the end."""
    paid = careful.pay(16, AWAY)
    paid.assert_each_paid_once()
    assert not unanswered(careful, paid)


def test_with_celery_s_defaults_a_minute_without_its_backend_leaves_payments_without_a_result(
    careless: Bank,
) -> None:
    """The money has moved, and whoever waits for the result waits for ever.

    Storing begins by looking for a result that is there already, and gives up at the first error of that
    (`celery/backends/base.py`, ``_ensure_retryable``; `_store_result` of `KeyValueStoreBackend`).
    """
    paid = careless.pay(16, AWAY, settle_within_s=900.0)
    assert not paid.lost
    assert unanswered(careless, paid)


def unanswered(bank: Bank, paid: Paid) -> list[str]:
    """Tasks of which the result backend knows nothing at the end (`celery/backends/base.py`: the key)."""
    sent = [str(event.task_id) for event in paid.judgement.history.workload()]
    assert len(sent) == len(paid.accounts)
    return [each for each in sent if not bank.world.result_exists(f"celery-task-meta-{each}")]
