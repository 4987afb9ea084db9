"""Pay day on a bad day: 500 salaries while workers die and broker, mail and database go away."""

from __future__ import annotations

from collections import Counter

import pytest

from harness.plugin import OpenWorld, Target, conducted
from harness.workload import Body, Experiment, Send, Strike, Trigger

pytestmark = pytest.mark.chaos

PAYMENT = "payroll.tasks.process_salary_payment"
MONTH, CENTS = "2026-04", 20_000
EMPLOYEES = range(1, 501)
REFUSED = frozenset(range(50, 501, 50))
"""Employees whose payment fails for good, by a mistake in its data: they must be heard of."""

SLOW = range(25, 65)
"""Employees whose payment is made, and not acknowledged for a second: a worker is killed meanwhile."""

STRIKES = (
    Strike("worker_kill", {"queue": "critical"}, Trigger(on="body-left", nth=40, at_s=0.4, heal_after_s=2.0)),
    Strike("child_kill", {"queue": "critical"}, Trigger(on="body-entered", nth=90)),
    Strike("mail_refuses", {}, Trigger(on="task-failed", nth=2, heal_after_s=25.0)),
    Strike("broker_restart", {}, Trigger(on="task-succeeded", nth=160, heal_after_s=3.0)),
    Strike("database_unreachable", {}, Trigger(on="task-succeeded", nth=260, heal_after_s=20.0)),
    Strike("worker_kill", {"queue": "critical"}, Trigger(on="body-entered", nth=210, heal_after_s=2.0)),
    Strike("cache_gone", {}, Trigger(on="task-succeeded", nth=400, heal_after_s=5.0)),
)
ALERTS_OWED_S = 1200.0
"""After ten minutes and a turn of beat, alerts that could not be published are."""

GUARANTEES = ("alert_sent", "dead_letter", "dead_letter_only_failed", "no_duplicate_effect", "no_lost_task")


@pytest.mark.harness_stage("processes", "containers", why="a payday takes as long as all the others here")
def test_each_salary_is_paid_once_and_every_task_accounted_for(
    open_world: OpenWorld, payroll_target: Target
) -> None:
    """Whom the broker refused is sent again, as `pay_salaries` does; beat sends the alerts it refused."""
    contract = payroll_target.contract
    payday = Experiment(
        "payday", "critical", tuple(map(payment, EMPLOYEES)), STRIKES,
        settle_within_s=3 * 3600.0, watch_s=ALERTS_OWED_S, runaway_after=60,
    )  # fmt: skip
    with open_world(payroll_target) as world:
        with world.beat():
            first = conducted(world, contract, payday, guarantees=GUARANTEES)
        unsent = {event.task_id for event in first.history.of("publish-failed", task=PAYMENT)}
        refused = [
            event.get("args")[0] for event in first.history.workload("payday") if event.task_id in unsent
        ]
        if refused:
            again = Experiment("again", "critical", tuple(map(payment, refused)), settle_within_s=3 * 3600.0)
            conducted(world, contract, again, guarantees=GUARANTEES).assert_kept("no_lost_task", "critical")
        paid = Counter(row["employee_id"] for row in world.database.rows("payroll_salarypayment"))
        letters = Counter(row["args"] for row in world.database.rows("core_deadletter"))
    for guarantee in GUARANTEES:
        first.assert_kept(guarantee, "critical")
    first.assert_kept("no_lost_task", "normal")
    assert struck(first.history.of("fault-injected")) == sorted(strike.fault for strike in STRIKES)
    assert paid == Counter(set(EMPLOYEES) - REFUSED)
    assert letters == Counter(f'[{employee}, "{MONTH}", {CENTS}]' for employee in REFUSED)


def payment(employee: int) -> Send:
    """One payment; four a second are sent, so that some meet a broker that is away."""
    body = Body(raises="programming") if employee in REFUSED else Body(lingers_s=1.0 * (employee in SLOW))
    return Send(PAYMENT, body, at_s=employee * 0.24, args=(employee, MONTH, CENTS))


def struck(events: object) -> list[str]:
    """The faults that struck, without those in bodies."""
    return sorted(str(e.get("fault")) for e in events if e.task_id is None)  # type: ignore[attr-defined]
