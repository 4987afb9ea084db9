"""Workers die, freeze and are told to stop while payments are made: every account is paid, and once."""

from __future__ import annotations

import pytest

from harness.plugin import OpenWorld, Target, conducted
from harness.workload import Body, Experiment, Send, Strike, Trigger
from scenarios.payments import Bank, OpenBank

pytestmark = pytest.mark.chaos

AT_THE_FIFTH = Trigger(on="body-entered", nth=5, heal_after_s=1.0)
PAYMENT = "payroll.tasks.process_salary_payment"


def test_a_worker_killed_in_mid_task_loses_nothing(careful: Bank) -> None:
    """What it held comes again after the visibility timeout."""
    paid = careful.pay(20, Strike("worker_kill", {"worker": "first"}, AT_THE_FIFTH))
    assert paid.redelivered
    paid.assert_each_paid_once()


def test_a_worker_killed_after_the_payment_does_not_pay_twice(careful: Bank) -> None:
    """The row is there, the acknowledgement is not: the redelivery recognises the row."""
    strike = Strike(
        "worker_kill", {"worker": "first"}, Trigger(on="body-left", nth=3, at_s=0.5, heal_after_s=1.0)
    )
    paid = careful.pay(12, strike, body=Body(lingers_s=3.0))
    assert paid.redelivered
    paid.assert_each_paid_once()


def test_a_killed_child_loses_nothing(careful: Bank) -> None:
    """Its worker notices, and gives the message back to the queue at once."""
    paid = careful.pay(12, Strike("child_kill", {"worker": "first"}, Trigger(on="body-entered", nth=3)))
    assert paid.redelivered
    paid.assert_each_paid_once()


def test_a_paused_worker_loses_nothing(careful: Bank) -> None:
    """Longer than the visibility timeout: the other worker makes its payments, and it finds them made."""
    pause = Strike("worker_pause", {"worker": "first"}, Trigger(on="body-entered", nth=5, heal_after_s=400.0))
    careful.pay(16, pause).assert_each_paid_once()


@pytest.mark.parametrize("cold", [False, True], ids=["warm", "cold"])
def test_a_worker_told_to_stop_under_load_loses_nothing(careful: Bank, cold: bool) -> None:
    """Warm it finishes what runs, cold it gives it back; what it had fetched goes back to the queue."""
    stop = Strike("worker_stop", {"worker": "first", "cold": cold}, AT_THE_FIFTH)
    careful.pay(20, stop, body=Body(hold_s=2.0)).assert_each_paid_once()


def test_with_celery_s_defaults_a_killed_worker_takes_payments_with_it(careless: Bank) -> None:
    """They were acknowledged before they were made."""
    paid = careless.pay(12, Strike("worker_kill", {"worker": "first"}, AT_THE_FIFTH), settle_within_s=600)
    verdict = paid.judgement.assert_broken("no_lost_task", says="was lost with the worker that ran it")
    assert "acks_late" in f"{verdict.blame} {verdict.mend}"
    assert paid.lost


def test_a_visibility_timeout_below_the_run_time_pays_twice(bank: OpenBank) -> None:
    """No fault is needed: the message comes again while its task still runs."""
    with bank("impatient:app", broker="redis") as impatient:
        paid = impatient.pay(4, body=Body(hold_s=60.0))
    assert paid.twice


@pytest.mark.parametrize("cold", [False, True], ids=["warm", "cold"])
def test_stopping_the_payroll_worker_loses_no_salary(
    open_world: OpenWorld, payroll_target: Target, cold: bool
) -> None:
    """A deployment in the middle of pay day."""
    stop = Strike("worker_stop", {"queue": "critical", "cold": cold}, AT_THE_FIFTH)
    payday = Experiment(
        f"payday-{cold}",
        "critical",
        (Send(PAYMENT, Body(hold_s=2.0), count=30),),
        (stop,),
        settle_within_s=9000,
    )
    with open_world(payroll_target) as world:
        found = conducted(world, payroll_target.contract, payday, guarantees=["no_lost_task"])
        rows = world.database.rows("payroll_salarypayment")
    found.assert_kept("no_lost_task", "critical")
    assert len(rows) == 30
