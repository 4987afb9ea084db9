"""`retried_failures`: what passes is retried, what does not pass is not."""

from __future__ import annotations

from typing import Any

from harness.checkers.retried_failures import RetriedFailures
from harness.contract import Contract, Delay, Retry, Sample, Tier
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from harness.workload import Body
from tests.checkers.histories import MAIL, PAY, broker_read, event, ladder, life, option, run, sent

DELAY = Delay(base_s=30.0, cap_s=300.0)
TIER = Tier(
    "critical",
    ("payroll.*",),
    retry=Retry(on=("mail",), not_on=("programming",), delay=DELAY),
    members=(PAY, MAIL),
)
CONTRACT = Contract((TIER,), samples={PAY: Sample(args=(1,))})
ON, NOT_ON = "retried_failures/critical/mail", "retried_failures/critical/programming"
NOTHING: dict[str, Any] = {"tasks": {PAY: {"autoretry_for": option([]), "max_retries": option(3)}}}
BROAD: dict[str, Any] = {"tasks": {PAY: {"autoretry_for": option(["Exception"], "payroll/tasks.py:9")}}}


def judged(history: History, tier: Tier = TIER) -> Verdict:
    verdict = RetriedFailures().verdict(CONTRACT, tier, history)
    assert verdict is not None
    return verdict


def again(task_id: str = "a", experiment: str = ON) -> list[Event]:
    """Fails, is started again after 30 s, succeeds."""
    return ladder(task_id, PAY, 0.0, experiment, [30.0], ends="succeeded")


def once(task_id: str = "b", experiment: str = NOT_ON) -> list[Event]:
    """Fails at the first attempt, for good."""
    return life(task_id, PAY, 100.0, experiment, ends="failed")


def test_kept_where_mail_is_retried_and_programming_is_not() -> None:
    verdict = judged(run(again(), once()))
    assert verdict.outcome is Outcome.KEPT
    assert verdict.observed == (
        f"mail: {PAY} started again, and succeeded; programming: {PAY} started once, and failed"
    )
    assert verdict.events == (0, 1, 3, 5, 6, 9, 10, 11, 13, 15)
    assert verdict.promised == (
        "after a mail failure a task is started again and succeeds, after a programming failure it is not"
    )


def test_broken_where_a_promised_failure_is_never_retried() -> None:
    verdict = judged(run(once("a", ON), once(), settings=NOTHING))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == f"mail: {PAY} failed at the first attempt, never retried"
    assert verdict.events == (0, 2, 5, 10)
    assert verdict.blame == (
        f"no autoretry_for and no self.retry() in {PAY}: a task that raises is never retried "
        "(celery/app/autoretry.py)"
    )
    assert verdict.mend == f"name OSError in autoretry_for of {PAY}"


def test_broken_tasks_and_classes_are_named_in_one_sentence() -> None:
    tier = Tier("critical", ("payroll.*",), retry=Retry(on=("mail", "database")), members=(PAY, MAIL))
    settings: dict[str, Any] = {"tasks": {name: {"autoretry_for": option([])} for name in (PAY, MAIL)}}
    second = life("b", MAIL, 0.0, ON, ends="failed")
    third = life("c", PAY, 0.0, "retried_failures/critical/database", ends="failed")
    verdict = judged(run(once("a", ON), second, third, settings=settings), tier)
    assert verdict.promised == "after a mail or database failure a task is started again and succeeds"
    assert verdict.observed == (
        f"mail: {MAIL}, {PAY} failed at the first attempt, never retried; "
        f"database: {PAY} failed at the first attempt, never retried"
    )
    assert verdict.blame.startswith(
        f"no autoretry_for and no self.retry() in {MAIL}, {PAY}: a task that raises"
    )


def test_broken_names_the_settings_that_only_look_like_retries() -> None:
    settings = NOTHING | {
        "unknown": [{"name": "task_default_max_retries"}, {"name": "admin_emails"}],
        "annotations_without_effect": [{"key": "payroll.tasks.*"}],
    }
    verdict = judged(run(once("a", ON), once(), settings=settings))
    assert verdict.blame.endswith(
        "; Celery reads no task_default_max_retries; the annotation 'payroll.tasks.*' has no effect"
    )


def test_broken_where_autoretry_for_leaves_the_failure_out() -> None:
    settings = {"tasks": {PAY: {"autoretry_for": option(["ConnectionError"])}}}
    verdict = judged(run(once("a", ON), once(), settings=settings))
    assert verdict.blame == (
        f"autoretry_for = ['ConnectionError'] (payroll/tasks.py:1) of {PAY} leaves OSError out"
    )


def test_broken_where_a_failure_that_does_not_pass_is_retried() -> None:
    verdict = judged(run(again(), again("b", NOT_ON), settings=BROAD))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == f"programming: {PAY} retried"
    assert verdict.blame.startswith("autoretry_for = ['Exception'] (payroll/tasks.py:9)")


def test_broken_where_the_task_swallows_the_failure() -> None:
    injected = event("fault-injected", 0.25, "a", PAY, fault="body_mail")
    verdict = judged(run(life("a", PAY, 0.0, ON), injected, once()))
    assert verdict.outcome is Outcome.BROKEN
    assert "though its body failed" in verdict.observed
    assert "swallows the failure" in verdict.blame


def test_unknown_where_the_body_was_never_made_to_fail() -> None:
    verdict = judged(run(life("a", PAY, 0.0, ON), once()))
    assert (verdict.outcome, verdict.blame) == (Outcome.UNKNOWN, "")
    assert verdict.observed == f"mail: {PAY} succeeded, but its body was never made to fail"


def test_broken_where_the_retry_does_not_come_in_its_time() -> None:
    begun = ladder("a", PAY, 0.0, ON, [3600.0], ends=None)[:-2]
    verdict = judged(run(begun, once(), broker_read(91.0)))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == (f"mail: {PAY} not started again 100.4 s after it failed (asked for: 3600 s)")


def test_unknown_where_the_retry_may_still_come() -> None:
    begun = ladder("a", PAY, 50.0, ON, [30.0], ends=None)[:-2]
    assert judged(run(begun, once())).outcome is Outcome.UNKNOWN


def test_unknown_where_the_second_attempt_fails_by_itself() -> None:
    verdict = judged(run(ladder("a", PAY, 0.0, ON, [30.0]), once()))
    assert verdict.outcome is Outcome.UNKNOWN
    assert "started again, but then failed with OSError" in verdict.observed


def test_unknown_where_a_class_of_failure_was_never_tried() -> None:
    verdict = judged(run(again()))
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.observed == "no task was made to fail with programming"


def test_unknown_where_the_task_was_never_started() -> None:
    verdict = judged(run(sent("a", PAY, 0.0, ON), once()))
    assert (verdict.outcome, verdict.events) == (Outcome.UNKNOWN, (0,))


def test_nothing_is_promised_without_classes_of_failure() -> None:
    assert RetriedFailures().promise(Tier("low", ("*",), retry=Retry(max_retries=3))) is None
    assert RetriedFailures().promise(Tier("low", ("*",))) is None


def test_the_first_class_is_tried_with_every_member_and_the_others_with_one() -> None:
    first, second = RetriedFailures().experiments(CONTRACT, TIER)
    assert (first.name, second.name) == (ON, NOT_ON)
    assert [(s.task, s.body) for s in first.sends] == [
        (PAY, Body(raises="mail", failing_attempts=1)),
        (MAIL, Body(stub=True, raises="mail", failing_attempts=1)),
    ]
    assert [s.task for s in second.sends] == [PAY]
    assert first.settle_within_s == 600.0


def unordered(events: list[Event]) -> list[Event]:
    """The same, but the body never came to the ordered failure: it has one of its own."""
    return [each for each in events if each.kind != "fault-injected"]


def test_unknown_where_the_body_failed_for_a_reason_of_its_own() -> None:
    retried = judged(run(unordered(again()), once()))
    assert (retried.outcome, retried.observed) == (
        Outcome.UNKNOWN,
        f"mail: {PAY} succeeded, but its body was never made to fail",
    )
    never = judged(run(unordered(once("a", ON)), once(), settings=NOTHING))
    assert never.outcome is Outcome.UNKNOWN
    spared = judged(run(again(), unordered(once())))
    assert (spared.outcome, spared.observed) == (
        Outcome.UNKNOWN,
        f"programming: {PAY} failed with OSError, but its body was never made to fail",
    )
    needless = unordered(ladder("b", PAY, 0.0, NOT_ON, [30.0]))
    assert judged(run(again(), needless, settings=BROAD)).outcome is Outcome.UNKNOWN


def test_unknown_where_the_clock_was_bent_while_the_retry_was_awaited() -> None:
    begun = ladder("a", PAY, 0.0, ON, [30.0], ends=None)[:-2]
    late = [*begun, sent("z", "other", 500.0)]
    assert judged(run(late, once())).outcome is Outcome.BROKEN
    assert judged(run(late, once(), event("clock-bent", 400.0, late_s=9.0))).outcome is Outcome.UNKNOWN
