"""The cache is gone, and with it locks, rates and the brake: salaries are paid, and once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from harness.plugin import OpenWorld, Target, conducted
from harness.stage import World
from harness.workload import Body, Experiment, Send, Strike, Trigger

pytestmark = pytest.mark.chaos

PAYMENT = "payroll.tasks.process_salary_payment"
COUNT = 20


@pytest.fixture(scope="module")
def payroll(open_world: OpenWorld, payroll_target: Target) -> Iterator[World]:
    """Critical and normal workers."""
    with open_world(payroll_target) as world:
        yield world


def test_payments_wait_for_a_cache_that_is_gone(payroll: World, payroll_target: Target) -> None:
    """Without Redis nothing says that a payment may run, so it is retried; each is sent twice."""
    strike = Strike("cache_gone", {}, Trigger(on="body-entered", nth=4, heal_after_s=20.0))
    sends = [
        Send(PAYMENT, Body(hold_s=0.5), args=(employee, "2026-02", 20_000))
        for employee in range(1, COUNT + 1)
    ]
    payday = Experiment("cache-gone", "critical", (*sends, *sends), (strike,), settle_within_s=9000)
    found = conducted(
        payroll, payroll_target.contract, payday, guarantees=["no_lost_task", "no_duplicate_effect"]
    )
    found.assert_kept("no_lost_task", "critical")
    rows = payroll.database.rows("payroll_salarypayment")
    paid = Counter(row["employee_id"] for row in rows if row["month"] == "2026-02")
    assert paid == Counter(range(1, COUNT + 1))
