"""`alert_sent`: one mail to the right people for each task that failed for good."""

from __future__ import annotations

from typing import Any

from harness.checkers.alert_sent import AlertSent
from harness.contract import Alert, Contract, Tier
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from tests.checkers.histories import PAY, ended, event, failed, life, option, run, sent, struck

ADMIN, OTHER = "admin@myhours.com", "payroll@myhours.com"
TIER = Tier("critical", ("payroll.*",), members=(PAY,), alert=Alert((ADMIN,), 120))
TWO = Tier("critical", ("payroll.*",), members=(PAY,), alert=Alert((ADMIN, OTHER), 120))
END = ended(500.0, "dead_letter/critical")


def judged(history: History, tier: Tier = TIER) -> Verdict:
    verdict = AlertSent().verdict(Contract((tier,)), tier, history)
    assert verdict is not None
    return verdict


def failing(task_id: str = "a", at_s: float = 0.0) -> list[Event]:
    """A task that fails for good a second after its publish: two events."""
    return [sent(task_id, PAY, at_s, "dead_letter/critical"), failed(task_id, PAY, at_s + 1)]


def mail(at_s: float, *to: str, **data: Any) -> Event:
    return event("alert-sent", at_s, to=list(to) or [ADMIN], **({"concerns": ["a"]} | data))


def test_kept_where_one_mail_reaches_each_recipient() -> None:
    verdict = judged(run(failing(), mail(3.0), END))
    assert (verdict.outcome, verdict.events) == (Outcome.KEPT, (1, 2))
    assert verdict.observed == "1 task failed for good, each announced to admin@myhours.com"
    assert judged(run(failing(), mail(3.0, ADMIN.upper(), OTHER)), TWO).outcome is Outcome.KEPT
    assert judged(run(failing(), mail(3.0, ADMIN), mail(3.1, OTHER)), TWO).outcome is Outcome.KEPT


def test_a_mail_that_names_only_the_task_counts_once_and_within_the_time() -> None:
    plain = {"concerns": [], "subject": f"{PAY} failed"}
    assert judged(run(failing(), mail(3.0, **plain), END)).outcome is Outcome.KEPT
    assert judged(run(failing(), mail(130.0, **plain), END)).outcome is Outcome.BROKEN
    verdict = judged(run(failing(), failing("b", 10.0), mail(12.0, **plain), END))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (3,))


def test_broken_where_nobody_is_told() -> None:
    history = run(failing(), END, settings={"tasks": {"handle_failed_task": {}}})
    verdict = judged(history)
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1,))
    assert verdict.observed == "1 of 1 task that failed for good announced to nobody"
    assert verdict.blame == "no alert is wired: nothing calls handle_failed_task"
    history = run(failing(), END, settings={"conf": {"admin_emails": option(ADMIN)}})
    assert judged(history).blame.endswith("nothing reads it")
    assert "recipients is empty" in judged(run(failing(), END)).blame


def test_broken_where_it_is_told_twice() -> None:
    verdict = judged(run(failing(), mail(3.0), mail(4.0)))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1, 2, 3))
    assert verdict.observed == "the failure of payroll.tasks.pay was announced 2 times"


def test_broken_where_the_wrong_people_are_told() -> None:
    verdict = judged(run(failing(), mail(3.0, OTHER)))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1, 2))
    assert verdict.observed.endswith("announced not to admin@myhours.com; but to payroll@myhours.com")
    assert judged(run(failing(), mail(3.0, ADMIN)), TWO).outcome is Outcome.BROKEN


def test_broken_where_it_is_told_late_unless_the_mail_server_was_away() -> None:
    verdict = judged(run(failing(), mail(121.5)))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1, 2))
    assert verdict.observed.endswith("announced after 120.5 s")
    assert judged(run(failing(), struck(0.0, "mail_refuses"), mail(400.0))).outcome is Outcome.KEPT


def test_unknown_where_nothing_failed_or_the_mail_is_not_due_yet() -> None:
    assert judged(run(life("a", PAY, 0.0, "steady/critical"))).outcome is Outcome.UNKNOWN
    verdict = judged(run(failing(), ended(30.0, "x")))
    assert (verdict.outcome, verdict.events) == (Outcome.UNKNOWN, (1,))


def test_it_judges_the_experiment_of_dead_letter() -> None:
    (one,) = AlertSent().experiments(Contract((TIER,)), TIER)
    assert one.name == "dead_letter/critical"


def test_copies_of_a_mail_that_names_only_the_task_are_counted() -> None:
    plain = {"concerns": [], "subject": f"{PAY} failed"}
    apart = [mail(3.0, ADMIN, **plain), mail(3.1, OTHER, **plain)]
    assert judged(run(failing("#1"), apart, END), TWO).outcome is Outcome.KEPT
    twice = [mail(3.0, **plain), mail(4.0, **plain)]
    verdict = judged(run(failing("#1"), twice, END))
    assert (verdict.outcome, verdict.observed) == (
        Outcome.BROKEN,
        f"the failure of {PAY} was announced 2 times",
    )
    assert judged(run(failing("#1"), failing("#2", 1.0), twice, END)).outcome is Outcome.KEPT
    other = mail(4.0, concerns=[], subject=f"{PAY} is retried")
    assert judged(run(failing("#1"), twice[:1], other, END)).outcome is Outcome.KEPT
