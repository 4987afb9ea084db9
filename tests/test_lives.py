"""A history becomes lives: attempts, retries, ends."""

from __future__ import annotations

from harness.contract import Contract, Tier
from harness.lives import end_s, lives, lives_of
from tests.checkers.histories import (
    PAY,
    broker_read,
    dead_lettered,
    effect,
    entered,
    event,
    failed,
    ladder,
    left,
    life,
    rejected,
    run,
    sent,
    started,
    succeeded,
)


def test_a_task_that_succeeds_at_once_has_one_attempt() -> None:
    history = run(life("a", PAY, 0.0, "steady/critical"))
    one = lives(history)["a"]
    assert (one.task, one.experiment, one.numbers, one.outcome) == (PAY, "steady/critical", (0,), "succeeded")
    (attempt,) = one.attempts
    assert (attempt.began.kind, attempt.pid, attempt.worker) == ("task-started", 1, "w1")
    assert attempt.ended is one.end
    assert one.ended_at_s == 0.4


def test_retries_carry_the_delay_that_there_was_and_the_delay_asked_for() -> None:
    one = lives(run(ladder("a", PAY, 0.0, "retry_cap/critical", [30.0, 60.0])))["a"]
    assert [(r.number, r.scheduled_s, r.observed_s) for r in one.retries] == [
        (1, 30.0, 30.0),
        (2, 60.0, 60.0),
    ]
    assert (one.numbers, one.outcome, one.error_type) == ((0, 1, 2), "failed", "OSError")


def test_a_retry_that_never_started_again_has_no_delay() -> None:
    events = ladder("a", PAY, 0.0, "x", [30.0], ends=None)[:-2]
    one = lives(run(events))["a"]
    assert [r.observed_s for r in one.retries] == [None]
    assert one.outcome is None


def test_the_delay_asked_for_may_be_told_as_a_moment() -> None:
    history = run(event("task-retried", 10.0, "a", PAY, retries=0, eta_s=25.0))
    assert lives(history)["a"].retries[0].scheduled_s == 15.0


def test_a_redelivery_is_an_attempt_of_the_same_number() -> None:
    history = run(
        sent("a", PAY, 0.0),
        started("a", PAY, 1.0, pid=1),
        entered("a", PAY, 1.1, pid=1),
        started("a", PAY, 9.0, pid=2, redelivered=True),
        entered("a", PAY, 9.1, pid=2),
        left("a", PAY, 9.2, pid=2),
        succeeded("a", PAY, 9.3),
    )
    one = lives(history)["a"]
    assert [(a.number, a.pid, a.left is None, a.ended is None) for a in one.attempts] == [
        (0, 1, True, True),
        (0, 2, False, False),
    ]
    assert (one.numbers, len(one.runs)) == ((0,), 2)


def test_runs_at_the_same_time_are_told_apart_by_their_processes() -> None:
    history = run(
        started("a", PAY, 1.0, pid=1),
        entered("a", PAY, 1.1, pid=1),
        started("a", PAY, 2.0, pid=2),
        entered("a", PAY, 2.1, pid=2),
        left("a", PAY, 3.0, pid=1),
        left("a", PAY, 4.0, pid=2),
    )
    assert [a.left.at_s for a in lives(history)["a"].attempts if a.left] == [3.0, 4.0]


def test_runs_are_starts_where_no_body_was_seen() -> None:
    assert [e.kind for e in lives(run(started("a", PAY, 1.0)))["a"].runs] == ["task-started"]


def test_a_rejection_that_puts_the_message_back_ends_nothing() -> None:
    assert lives(run(rejected("a", PAY, 1.0, requeue=True)))["a"].outcome is None
    assert lives(run(rejected("a", PAY, 1.0)))["a"].outcome == "rejected"


def test_ends_that_celery_does_not_report_are_taken_from_what_the_probe_saw() -> None:
    assert lives(run(left("a", PAY, 1.0, error_type="Ignore")))["a"].outcome == "ignored"
    assert lives(run(event("task-internal-error", 1.0, "a", PAY)))["a"].outcome == "failed"
    assert lives(run(event("message-rejected", 1.0, "a", PAY, requeue=False)))["a"].outcome == "rejected"
    assert lives(run(event("message-rejected", 1.0, "a", PAY, requeue=True)))["a"].outcome is None


def test_lives_of_one_experiment_leave_out_the_others_and_what_the_app_sent() -> None:
    history = run(
        life("a", PAY, 0.0, "retry_cap/critical"), life("b", PAY, 0.0, "steady/critical"), life("c", PAY, 0.0)
    )
    assert list(lives(history, "retry_cap/critical")) == ["a"]
    assert list(lives(history, "retry_cap")) == ["a"]
    assert list(lives(history)) == ["a", "b", "c"]


def test_lives_of_a_tier_are_those_of_its_tasks_whoever_sent_them() -> None:
    critical, rest = Tier("critical", ("payroll.*",)), Tier("rest", ("*",))
    contract = Contract((critical, rest))
    history = run(life("a", PAY, 0.0), life("b", "core.tasks.clean", 0.0))
    assert list(lives_of(contract, critical, history)) == ["a"]
    assert list(lives_of(contract, rest, history)) == ["b"]


def test_dead_letters_and_effects_stay_with_their_task() -> None:
    history = run(life("a", PAY, 0.0, ends="failed"), effect("a", PAY, 0.2), dead_lettered("a", PAY, 0.5))
    one = lives(history)["a"]
    assert [e.kind for e in one.dead_letters] == ["dead-lettered"]
    assert [e.kind for e in one.of("effect")] == ["effect"]


def test_an_error_is_the_last_one_that_is_not_celerys_own_retry() -> None:
    history = run(left("a", PAY, 1.0, error_type="Retry"), failed("a", PAY, 2.0, error_type="ValueError"))
    assert lives(history)["a"].error_type == "ValueError"
    assert lives(run(left("a", PAY, 1.0)))["a"].error_type == ""


def test_the_record_ends_with_its_last_event() -> None:
    assert end_s(run(broker_read(7.0))) == 7.0
    assert end_s(run()) == 0.0
