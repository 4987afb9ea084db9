"""`deduplication`: equal tasks exclude each other, and the lock goes when it was promised to."""

from __future__ import annotations

from typing import Any, Literal

from harness.checkers.deduplication import Deduplication
from harness.contract import Contract, Tier, WorkerLayout
from harness.contract import Deduplication as Promise
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from tests.checkers.histories import (
    PAY,
    entered,
    event,
    failed,
    left,
    retried,
    run,
    sent,
    started,
    succeeded,
    worker_lost,
)


def tier(lock_s: float | None = None, release: Literal["on_end", "on_expiry"] = "on_end") -> Tier:
    promise = Promise(lock_s, release)
    return Tier("critical", ("payroll.*",), members=(PAY,), queue="critical", deduplication=promise)


def judged(history: History, judged_tier: Tier | None = None) -> Verdict:
    asked = judged_tier or tier()
    verdict = Deduplication().verdict(Contract((asked,)), asked, history)
    assert verdict is not None
    return verdict


def publish(task_id: str, at_s: float, *args: Any, label: str = "deduplication/critical") -> Event:
    return sent(task_id, PAY, at_s, label, args=list(args) or [1], kwargs={})


def ran(
    task_id: str, at_s: float, to_s: float, *args: Any, label: str = "deduplication/critical"
) -> list[Event]:
    """A task that runs: five events."""
    return [
        publish(task_id, at_s, *args, label=label),
        started(task_id, PAY, at_s),
        entered(task_id, PAY, at_s),
        left(task_id, PAY, to_s),
        succeeded(task_id, PAY, to_s),
    ]


def skipped(task_id: str, at_s: float, *args: Any, label: str = "deduplication/critical") -> list[Event]:
    """A task that is taken up and ends without its body: three events."""
    return [
        publish(task_id, at_s, *args, label=label),
        started(task_id, PAY, at_s),
        succeeded(task_id, PAY, at_s),
    ]


GOOD = [ran("a", 0.0, 20.0), skipped("b", 5.0), ran("d", 6.0, 7.0, 2), ran("c", 60.0, 61.0)]
FLAT = [event for group in GOOD for event in group]
ORPHAN = "deduplication/critical/orphan"


def orphaned() -> list[Event]:
    """A task whose worker is killed in its body: four events."""
    return [
        publish("o", 1000.0, 9, label=ORPHAN),
        started("o", PAY, 1000.0),
        entered("o", PAY, 1000.0),
        worker_lost(1001.0),
    ]


def test_kept_where_equal_tasks_wait_and_others_do_not() -> None:
    verdict = judged(run(*GOOD))
    assert verdict.outcome is Outcome.KEPT
    assert verdict.events == (2, 4, 15, 8)
    assert verdict.observed == (
        "payroll.tasks.pay kept an equal one out; 1 equal task ran after the lock was gone; "
        "other arguments ran"
    )


def test_broken_where_two_equal_bodies_overlap() -> None:
    verdict = judged(run(ran("a", 0.0, 20.0), ran("b", 5.0, 25.0)))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (2, 5))
    assert verdict.observed == "two equal payroll.tasks.pay were in their bodies at once, 5 s apart"
    assert verdict.blame.startswith("payroll.tasks.pay takes no lock that its workers share")


def test_equal_tasks_of_other_experiments_count_too() -> None:
    verdict = judged(run(*GOOD, ran("x", 60.5, 61.0, label="steady/critical")))
    assert verdict.outcome is Outcome.BROKEN


def test_broken_where_the_lock_lives_for_no_time() -> None:
    locks = [event("lock-acquired", at_s, i, PAY, key="k", ttl_s=0) for at_s, i in ((0.1, "a"), (5.1, "b"))]
    verdict = judged(run(ran("a", 0.0, 20.0), ran("b", 5.0, 25.0), locks))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (2, 6, 3, 7))
    assert verdict.blame == "the lock is taken for 0 s only"


def test_a_lock_that_is_given_back_before_the_body_has_ended_is_blamed() -> None:
    locks = [event("lock-acquired", at_s, i, PAY, key="k", ttl_s=60) for at_s, i in ((0.1, "a"), (5.1, "b"))]
    early = [event("lock-released", 1.0, "a", PAY, key="k")]
    verdict = judged(run(ran("a", 0.0, 20.0), ran("b", 5.0, 25.0), locks, early))
    assert verdict.blame == "payroll.tasks.pay gives its lock back before its body has ended"


def test_a_body_that_is_turned_away_by_its_own_lock_is_no_run() -> None:
    locks = [
        event("lock-acquired", 0.1, "a", PAY, key="k", ttl_s=7200),
        event("lock-denied", 5.0, "b", PAY, key="k"),
        event("lock-acquired", 60.0, "c", PAY, key="k"),
    ]
    history = run(ran("a", 0.0, 20.0), ran("b", 5.0, 5.1), ran("d", 6.0, 7.0, 2), ran("c", 60.0, 61.0), locks)
    assert judged(history).outcome is Outcome.KEPT


def test_broken_where_the_lock_outlives_the_task() -> None:
    history = run(ran("a", 0.0, 20.0), skipped("b", 5.0), ran("d", 6.0, 7.0, 2), skipped("c", 60.0))
    verdict = judged(history)
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (2, 15))
    assert (
        verdict.observed
        == "an equal payroll.tasks.pay was kept out 60 s after the first began, which was over"
    )


def test_a_lock_may_be_promised_to_stay_until_it_expires() -> None:
    asked = tier(100, "on_expiry")
    stays = [ran("a", 0.0, 20.0), skipped("b", 5.0), ran("d", 6.0, 7.0, 2), skipped("c", 60.0)]
    after = [*orphaned(), *ran("p", 1105.0, 1106.0, 9, label=ORPHAN)]
    assert judged(run(*stays, ran("e", 160.0, 161.0), after), asked).outcome is Outcome.KEPT
    assert judged(run(*stays, skipped("e", 160.0), after), asked).outcome is Outcome.BROKEN
    early = judged(run(*GOOD, after), asked)
    assert (early.outcome, early.events) == (Outcome.BROKEN, (2, 15))
    assert early.observed == "an equal payroll.tasks.pay ran again after 60 s, the lock holds 100 s"


def test_broken_where_other_arguments_are_kept_out() -> None:
    history = run(ran("a", 0.0, 20.0), skipped("b", 5.0), skipped("d", 6.0, 2), ran("c", 60.0, 61.0))
    verdict = judged(history)
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (8,))
    assert verdict.blame == "the lock's key leaves the arguments out"


def test_kept_where_the_lock_of_a_killed_worker_goes_in_time() -> None:
    verdict = judged(run(*GOOD, orphaned(), ran("p", 8205.0, 8206.0, 9, label=ORPHAN)), tier(7200))
    assert verdict.outcome is Outcome.KEPT
    assert verdict.observed.endswith("the lock of a killed worker was gone in time")


def test_broken_where_the_lock_of_a_killed_worker_stays() -> None:
    history = run(*GOOD, orphaned(), skipped("p", 8205.0, 9, label=ORPHAN))
    verdict = judged(history, tier(7200))
    place = len(FLAT)
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (place + 2, place + 6))
    assert (
        verdict.observed
        == "7200 s after a worker was killed, its lock still keeps equal payroll.tasks.pay out"
    )


def test_unknown_where_the_redelivered_task_was_busy_when_the_lock_was_tested() -> None:
    again = [
        started("o", PAY, 8200.0, 0, pid=2),
        entered("o", PAY, 8200.0, 0, pid=2),
        left("o", PAY, 8220.0, pid=2),
    ]
    history = run(*GOOD, orphaned(), again, skipped("p", 8205.0, 9, label=ORPHAN))
    assert judged(history, tier(7200)).observed.startswith("the redelivered task was in its body")


def test_unknown_where_a_half_was_not_tested() -> None:
    assert judged(run()).outcome is Outcome.UNKNOWN
    assert "no equal task came to a worker" in judged(run(ran("a", 0.0, 20.0), ran("b", 21.0, 22.0))).observed
    alone = judged(run(ran("a", 0.0, 20.0), skipped("b", 5.0), ran("c", 60.0, 61.0)))
    assert (alone.outcome, alone.observed[:35]) == (Outcome.UNKNOWN, "no task with other arguments ran (d")
    assert judged(run(*GOOD), tier(7200)).observed.startswith("no worker was killed")


def test_one_that_waits_for_a_child_is_not_kept_out_but_one_that_retries_is() -> None:
    waits = [publish("b", 5.0), started("b", PAY, 5.0), entered("b", PAY, 21.0), left("b", PAY, 22.0)]
    assert "no equal task came" in judged(run(ran("a", 0.0, 20.0), waits)).observed
    tries = [publish("b", 5.0), started("b", PAY, 5.0), retried("b", PAY, 5.1, countdown_s=30)]
    later = [
        started("b", PAY, 35.0, 1),
        entered("b", PAY, 35.0, 1),
        left("b", PAY, 36.0, 1),
        succeeded("b", PAY, 36.0, 1),
    ]
    history = run(ran("a", 0.0, 20.0), tries, later, ran("d", 6.0, 7.0, 2), ran("c", 60.0, 61.0))
    assert judged(history).outcome is Outcome.KEPT


def test_the_experiments() -> None:
    asked = tier(7200)
    main, orphan = Deduplication().experiments(Contract((asked,)), asked)
    assert (main.name, main.phase, main.lingering) == ("deduplication/critical", "limits", False)
    assert [(s.at_s, s.count, s.identical, s.body.hold_s) for s in main.sends] == [
        (0.0, 3, True, 20.0),
        (2.0, 1, False, 0.0),
        (60.0, 1, True, 0.0),
    ]
    assert (orphan.name, orphan.phase, orphan.lingering) == (ORPHAN, "crash", True)
    assert [(s.at_s, s.identical) for s in orphan.sends] == [(0.0, True), (7205.0, True)]
    assert (orphan.strikes[0].fault, orphan.strikes[0].settings) == ("worker_kill", {"queue": "critical"})
    assert orphan.strikes[0].when.on == "body-entered"


def test_a_run_that_a_hard_time_limit_ended_is_over() -> None:
    timed_out = [*ran("a", 0.0, 20.0)[:3], failed("a", PAY, 20.0, error_type="TimeLimitExceeded")]
    verdict = judged(run(timed_out, skipped("b", 5.0), ran("d", 6.0, 7.0, 2), ran("c", 60.0, 61.0)))
    assert "in their bodies at once" not in verdict.observed
    stopped = [*ran("a", 0.0, 20.0)[:3], event("worker-stopped", 20.0, worker="w1", pid=1)]
    verdict = judged(run(stopped, skipped("b", 5.0), ran("d", 6.0, 7.0, 2), ran("c", 60.0, 61.0)))
    assert "in their bodies at once" not in verdict.observed


def test_a_task_that_another_equal_one_keeps_out_says_nothing_of_the_first_lock() -> None:
    waited = [
        publish("b", 5.0),
        started("b", PAY, 5.0),
        retried("b", PAY, 5.0, countdown_s=54.0),
        started("b", PAY, 59.0, 1),
        entered("b", PAY, 59.0, 1),
        left("b", PAY, 79.0, 1),
        succeeded("b", PAY, 79.0, 1),
    ]
    other, later = ran("d", 6.0, 7.0, 2), ran("e", 200.0, 201.0)
    verdict = judged(run(ran("a", 0.0, 20.0), waited, other, skipped("c", 60.0), later))
    assert verdict.outcome is Outcome.KEPT


def test_where_workers_run_one_task_at_a_time_another_joins_for_the_experiment() -> None:
    """Without it none would overlap, with a lock and without."""
    asked = tier()

    def joined(*workers: WorkerLayout) -> list[tuple[str, Any]]:
        (experiment,) = Deduplication().experiments(Contract((asked,), workers), asked)
        first_s = min(send.at_s for send in experiment.sends)
        assert (first_s == 0) == (not experiment.strikes), "nothing is sent before it has joined"
        return [(strike.fault, strike.settings) for strike in experiment.strikes]

    theirs = [("worker_joins", {"queue": "critical"})]
    assert joined(WorkerLayout("one", ("critical",))) == theirs
    assert joined(WorkerLayout("one", ("critical",), concurrency=8, pool="solo")) == theirs
    for more in (
        [],
        [WorkerLayout("one", ("critical",), concurrency=2)],
        [WorkerLayout("one", ("critical",), replicas=2)],
        [WorkerLayout("one", ("critical",)), WorkerLayout("all")],
    ):
        assert joined(*more) == []
