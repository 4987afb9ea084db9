"""`retry_cap`: as many retries as promised, and then the end."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checkers.retry_cap import RetryCap
from harness.contract import Contract, Delay, Retry, Sample, Tier
from harness.history import History
from harness.verdict import Outcome, Verdict
from harness.workload import ALWAYS
from tests.checkers.histories import (
    MAIL,
    PAY,
    event,
    ladder,
    life,
    lock,
    option,
    run,
    sent,
    started,
    succeeded,
)

TIER = Tier(
    "critical",
    ("payroll.*",),
    retry=Retry(("mail", "database"), max_retries=2, delay=Delay(base_s=30.0, jitter="bounded")),
    members=(MAIL, PAY),
)
CONTRACT = Contract((TIER,), samples={PAY: Sample()})
NAME = "retry_cap/critical"


def judged(history: History, tier: Tier = TIER) -> Verdict:
    verdict = RetryCap().verdict(CONTRACT, tier, history)
    assert verdict is not None
    return verdict


def climbed(retries: int, task_id: str = "a", ends: str | None = "failed") -> History:
    return run(ladder(task_id, PAY, 0.0, NAME, [30.0] * retries, ends=ends))


def test_kept_where_the_task_is_given_up_after_the_promised_retries() -> None:
    verdict = judged(climbed(2))
    assert (verdict.outcome, verdict.observed) == (
        Outcome.KEPT,
        f"{PAY}: 3 attempts, promised 3, and failed for good",
    )
    assert verdict.promised == "a task that always fails is given up after 2 retries"
    assert verdict.events == (0, 1, 3, 5, 6, 8, 10, 11, 13, 15)


def test_unknown_where_the_failure_passed_by_the_try_of_the_body() -> None:
    """What was never handed to the body's own ``except`` says nothing about it."""
    tried = ladder("a", PAY, 0.0, NAME, [], ends="failed")
    for missed, outcome in ((False, Outcome.BROKEN), (True, Outcome.UNKNOWN)):
        struck = event("fault-injected", 0.15, "a", PAY, fault="body_mail", missed=missed)
        verdict = judged(run(tried, struck))
        assert verdict.outcome is outcome
        assert missed == (f"inside the try of {PAY}" in verdict.observed)


def test_kept_tasks_with_the_same_story_are_counted() -> None:
    history = run(ladder("a", PAY, 0.0, NAME, [30.0] * 2), ladder("b", PAY, 0.0, NAME, [30.0] * 2))
    assert judged(history).observed == f"{PAY}: 3 attempts, promised 3, and failed for good (2x)"


def test_broken_where_the_task_is_given_up_too_early() -> None:
    settings: dict[str, Any] = {"tasks": {PAY: {"max_retries": option(1, "celery.app.task.Task")}}}
    verdict = judged(run(ladder("a", PAY, 0.0, NAME, [30.0]), settings=settings))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == f"{PAY}: 2 attempts, promised 3, and failed for good"
    assert verdict.blame == f"max_retries = 1 (celery.app.task.Task) of {PAY}"
    assert verdict.mend == f"set max_retries=2 on {PAY}"
    assert verdict.events == (0, 1, 3, 5, 6, 8, 10)


def test_broken_where_nothing_retries_at_all() -> None:
    settings: dict[str, Any] = {"tasks": {PAY: {"autoretry_for": option([]), "calls_retry": False}}}
    verdict = judged(run(life("a", PAY, 0.0, NAME, ends="failed"), settings=settings))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == f"{PAY}: 1 attempt, promised 3, and failed for good"
    assert "no autoretry_for and no self.retry()" in verdict.blame


@pytest.mark.parametrize("ends", ["failed", None])
def test_broken_where_the_task_is_retried_too_often_ended_or_not(ends: str | None) -> None:
    verdict = judged(climbed(3, ends=ends))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == f"{PAY}: 4 attempts, promised 3"
    assert verdict.blame == f"max_retries of {PAY}"


def test_broken_where_the_task_swallows_its_failure() -> None:
    injected = event("fault-injected", 0.25, "a", PAY, fault="body_mail")
    verdict = judged(run(life("a", PAY, 0.0, NAME), injected))
    assert (verdict.outcome, verdict.observed) == (
        Outcome.BROKEN,
        f"{PAY}: 1 attempt, promised 3, and reported as succeeded",
    )


def test_unknown_where_the_harness_gave_the_task_up_before_its_last_attempt() -> None:
    climb = ladder("a", PAY, 0.0, NAME, [600.0], ends="succeeded")
    verdict = judged(run(climb, event("fault-injected", 0.0, "a", PAY, retries=0, fault="body_mail")))
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.observed.endswith(
        "2 attempts, promised 3, and succeeded: its body was not made to fail to the end"
    )


def test_a_redelivery_is_no_retry() -> None:
    again = started("a", PAY, 60.0, 2, pid=2, redelivered=True)
    history = run(ladder("a", PAY, 0.0, NAME, [30.0, 30.0]), again)
    assert judged(history).outcome is Outcome.KEPT


def test_one_broken_task_breaks_the_promise_of_the_tier() -> None:
    history = run(ladder("a", PAY, 0.0, NAME, [30.0] * 2), ladder("b", MAIL, 0.0, NAME, [30.0]))
    verdict = judged(history)
    assert (verdict.outcome, verdict.observed) == (
        Outcome.BROKEN,
        f"{MAIL}: 2 attempts, promised 3, and failed for good",
    )


def test_a_copy_that_a_lock_turned_away_is_not_judged_beside_others() -> None:
    away = [sent("b", PAY, 0.0, NAME), lock(0.1, "b", PAY, acquired=False), succeeded("b", PAY, 0.2)]
    climb = ladder("a", PAY, 0.0, NAME, [30.0] * 2)
    assert judged(run(away, climb)).outcome is Outcome.KEPT
    assert judged(run(away)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("history", "observed"),
    [
        (run(), "no task was made to fail for ever"),
        (run(sent("a", PAY, 0.0, NAME)), f"{PAY}: never started"),
        (climbed(1, ends=None), f"{PAY}: 2 attempts, promised 3, and not ended when the record ends"),
        (
            run(life("a", PAY, 0.0, NAME)),
            f"{PAY}: 1 attempt, promised 3, and succeeded: its body was not made to fail to the end",
        ),
    ],
)
def test_unknown_where_nothing_put_it_to_the_test(history: History, observed: str) -> None:
    verdict = judged(history)
    assert (verdict.outcome, verdict.observed, verdict.blame) == (Outcome.UNKNOWN, observed, "")


def test_unknown_where_no_failure_is_promised_to_be_retried() -> None:
    tier = Tier("low", ("*",), retry=Retry(max_retries=2), members=(PAY,))
    assert judged(climbed(2), tier).outcome is Outcome.UNKNOWN
    assert list(RetryCap().experiments(CONTRACT, tier)) == []


def test_a_cap_of_none_is_kept_by_a_single_attempt() -> None:
    tier = Tier("critical", ("*",), retry=Retry(on=("mail",), max_retries=0), members=(PAY,))
    assert judged(run(life("a", PAY, 0.0, NAME, ends="failed")), tier).outcome is Outcome.KEPT


def test_every_member_fails_for_ever_and_the_first_with_a_sample_in_twelve_copies() -> None:
    (experiment,) = RetryCap().experiments(CONTRACT, TIER)
    assert experiment.name == NAME
    assert [(s.task, s.count, s.body.stub) for s in experiment.sends] == [
        (MAIL, 1, True),
        (PAY, 1, False),
        (PAY, 11, False),
    ]
    assert {(s.body.raises, s.body.failing_attempts) for s in experiment.sends} == {("mail", ALWAYS)}


def test_the_wait_covers_what_is_promised_and_what_an_unconfigured_celery_does() -> None:
    (experiment,) = RetryCap().experiments(CONTRACT, TIER)
    assert experiment.settle_within_s == 600.0
    tier = Tier("x", ("*",), retry=Retry(("mail",), max_retries=3, delay=Delay(base_s=300.0)), members=(PAY,))
    (longer,) = RetryCap().experiments(CONTRACT, tier)
    assert longer.settle_within_s == 300 + 600 + 1200 + 60
    assert longer.sends[-1].count == 2


@pytest.mark.parametrize("delays_s", [[1.0], [1.0, 1.0]])
def test_unknown_where_the_last_attempt_failed_for_a_reason_of_its_own(delays_s: list[float]) -> None:
    climbed = ladder("a", PAY, 0.0, NAME, delays_s)
    last = len(delays_s)
    events = [e for e in climbed if not (e.kind == "fault-injected" and e.get("retries") == last)]
    verdict = judged(run(events))
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.observed.endswith("failed with OSError: not what it was made to fail with")
