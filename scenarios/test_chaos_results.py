"""The result backend is gone when a task ends: what is paid stays paid, and is not paid again."""

from __future__ import annotations

import pytest

from harness.plugin import OpenWorld, Target, conducted
from harness.workload import Body, Experiment, Send, Strike, Trigger
from scenarios.payments import Bank, Paid

pytestmark = pytest.mark.chaos

SLOW = Body(hold_s=5.0)
"""So long that most payments are still to be made when the backend is gone: a container ends in seconds."""
PAYMENT = "payroll.tasks.process_salary_payment"
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
    paid = careful.pay(16, AWAY, body=SLOW)
    paid.assert_each_paid_once()
    assert not unanswered(careful, paid)


def test_with_celery_s_defaults_a_minute_without_its_backend_leaves_payments_without_a_result(
    careless: Bank,
) -> None:
    """The money has moved, and whoever waits for the result waits for ever.

    Storing begins by looking for a result that is there already, and gives up at the first error of that
    (`celery/backends/base.py`, ``_ensure_retryable``; `_store_result` of `KeyValueStoreBackend`).
    """
    paid = careless.pay(16, AWAY, body=SLOW, settle_within_s=900.0)
    assert not paid.lost
    assert unanswered(careless, paid)


def test_salaries_are_known_after_an_outage_of_their_result_backend(
    open_world: OpenWorld, payroll_target: Target
) -> None:
    """Workers that store a result wait for its backend, some forty seconds and longer."""
    away = Strike("results_gone", {}, Trigger(on="task-succeeded", nth=4, heal_after_s=15.0))
    payday = Experiment(
        "payday", "critical", (Send(PAYMENT, SLOW, count=12),), (away,), settle_within_s=9000.0
    )
    with open_world(payroll_target) as world:
        found = conducted(world, payroll_target.contract, payday, guarantees=["no_lost_task"])
        paid = world.database.rows("payroll_salarypayment")
    found.assert_kept("no_lost_task", "critical")
    stored = {
        event.task_id for event in found.history.of("result-stored") if event.get("status") == "SUCCESS"
    }
    assert stored >= {event.task_id for event in found.history.workload()}
    assert len(paid) == 12


def unanswered(bank: Bank, paid: Paid) -> list[str]:
    """Tasks of which the result backend knows nothing at the end (`celery/backends/base.py`: the key)."""
    sent = [str(event.task_id) for event in paid.judgement.history.workload()]
    assert len(sent) == len(paid.accounts)
    return [each for each in sent if not bank.world.result_exists(f"celery-task-meta-{each}")]
