"""The mail server misbehaves while a failed payment is to be announced: the alert arrives, once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.plugin import OpenWorld, Target, conducted
from harness.stage import World
from harness.workload import Body, Experiment, Send, Strike, Trigger

pytestmark = pytest.mark.chaos

PAYMENT = "payroll.tasks.process_salary_payment"
AWAY_S = 45.0
"""Shorter than the promised time of an alert; longer than the first retry of the task that sends it."""

FAULTS = {
    "refuses": Strike("mail_refuses"),
    "421 at connect": Strike("mail_replies", {"code": 421, "at": "connect"}),
    "451 at rcpt": Strike("mail_replies", {"code": 451, "at": "rcpt"}),
    "550 at rcpt": Strike("mail_replies", {"code": 550, "at": "rcpt"}),
    "hangs": Strike("mail_hangs", {"at": "connect"}),
    "drops in DATA": Strike("mail_drops", {"at": "middle"}),
}


@pytest.fixture(scope="module")
def payroll(open_world: OpenWorld, payroll_target: Target) -> Iterator[World]:
    """Critical and normal workers: the payment fails in one, the alert is sent by the other."""
    with open_world(payroll_target) as world:
        yield world


@pytest.mark.parametrize("fault", FAULTS)
def test_an_alert_survives_a_mail_server_that_misbehaves(
    payroll: World, payroll_target: Target, fault: str
) -> None:
    """The task that sends it is retried; the admins get one mail about each task, and the letter is there."""
    strike = Strike(FAULTS[fault].fault, FAULTS[fault].settings, Trigger(heal_after_s=AWAY_S))
    name = f"mail-{fault}"
    send = Send(
        PAYMENT, Body(raises="programming"), at_s=1.0, args=(1 + list(FAULTS).index(fault), "2026-03", 1)
    )
    experiment = Experiment(name, "critical", (send,), (strike,), watch_s=AWAY_S + 1)
    found = conducted(
        payroll, payroll_target.contract, experiment, guarantees=["alert_sent", "dead_letter", "no_lost_task"]
    )
    found.assert_kept("alert_sent", "critical")
    found.assert_kept("dead_letter", "critical")
    found.assert_kept("no_lost_task", "critical")
    found.assert_kept("no_lost_task", "normal")
    sent = [event for event in found.history.of("task-retried") if event.task == "core.tasks.alert_admins"]
    assert sent, "the alert went through at once: the fault put nothing to the test"
