"""`loss_recovered`: what a killed worker was doing is done by another, in time."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checkers.loss_recovered import LossRecovered
from harness.contract import Contract, Loss, Sample, Tier
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from harness.workload import Body, Strike, Trigger
from tests.checkers.histories import (
    PAY,
    broker_read,
    clock_bent,
    entered,
    failed,
    left,
    life,
    lock,
    option,
    run,
    sent,
    started,
    struck,
    succeeded,
    worker_lost,
)

TIER = Tier("critical", ("payroll.*",), queue="critical", loss=Loss(within_s=100.0), members=(PAY,))
CONTRACT = Contract((TIER,), samples={PAY: Sample(args=(1,))})
NAME = "loss_recovered/critical"


def judged(history: History) -> Verdict:
    verdict = LossRecovered().verdict(CONTRACT, TIER, history)
    assert verdict is not None
    return verdict


def killed() -> list[Event]:
    """Sent, started, entered; the worker is killed two seconds later: places 0 to 4."""
    return [
        sent("a", PAY, 0.0, NAME),
        started("a", PAY, 0.1, pid=1),
        entered("a", PAY, 0.2, pid=1),
        struck(2.0, queue="critical"),
        worker_lost(2.0),
    ]


def again(at_s: float, pid: int = 2) -> list[Event]:
    """Started and entered by another process."""
    return [started("a", PAY, at_s, pid=pid, redelivered=True), entered("a", PAY, at_s + 0.1, pid=pid)]


def test_kept_where_another_process_takes_over_in_time() -> None:
    verdict = judged(run(killed(), again(62.0), left("a", PAY, 82.0, pid=2), succeeded("a", PAY, 82.1)))
    assert (verdict.outcome, verdict.observed) == (
        Outcome.KEPT,
        f"{PAY} ran again 60.1 s after the kill, and succeeded",
    )
    assert verdict.promised == "a task whose worker is killed runs again within 100 s, and succeeds"
    assert verdict.events == (3, 6, 8)


def test_kept_where_it_was_retried_in_between_by_its_own_lock() -> None:
    locks = [lock(0.3, "a", PAY), lock(62.2, "a", PAY, acquired=False), lock(70.0, "a", PAY)]
    verdict = judged(run(killed(), locks, again(62.0), succeeded("a", PAY, 82.1)))
    assert verdict.outcome is Outcome.KEPT


def test_broken_where_an_early_acknowledgement_loses_it() -> None:
    settings: dict[str, Any] = {"tasks": {PAY: {"acks_late": option(False, "Celery's default")}}}
    verdict = judged(run(killed(), broker_read(150.0), settings=settings))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == f"{PAY} never ran again in 148 s"
    assert verdict.blame.startswith(f"acks_late = False (Celery's default) of {PAY}")
    assert verdict.events == (0, 1, 3)


def test_broken_where_the_visibility_timeout_is_too_long() -> None:
    settings: dict[str, Any] = {
        "tasks": {PAY: {"acks_late": option(True)}},
        "conf": {"broker_transport_options": option({"visibility_timeout": 7200}, "celery.py:3")},
    }
    verdict = judged(run(killed(), broker_read(150.0, unacked=["a"]), settings=settings, broker="redis"))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.blame == (
        "visibility_timeout = 7200 s (celery.py:3): Redis gives a lost worker's messages back no sooner "
        "(kombu/transport/redis.py)"
    )


def test_broken_where_it_runs_again_too_late() -> None:
    verdict = judged(run(killed(), again(112.0), succeeded("a", PAY, 132.0)))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (3, 6, 7))
    assert verdict.observed == f"{PAY} ran again 110.1 s after the kill, promised within 100 s"


def test_unknown_where_a_bent_clock_made_it_late() -> None:
    verdict = judged(run(killed(), clock_bent(100.0), again(112.0), succeeded("a", PAY, 132.0)))
    assert verdict.outcome is Outcome.UNKNOWN


def test_broken_where_it_failed_instead_of_running_again() -> None:
    verdict = judged(run(killed(), failed("a", PAY, 5.0, error_type="WorkerLostError", where="worker")))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == f"{PAY} never ran again and failed without another run"


def test_broken_where_the_second_run_fails() -> None:
    verdict = judged(run(killed(), again(62.0), failed("a", PAY, 63.0, error_type="IntegrityError")))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == f"{PAY} ran again 60.1 s after the kill, and failed (IntegrityError)"


def test_broken_where_the_lock_of_the_killed_run_turns_it_away() -> None:
    locks = [lock(0.3, "a", PAY, "lock:pay"), lock(62.2, "a", PAY, "lock:pay", acquired=False)]
    verdict = judged(run(killed(), locks, again(62.0)[:1], succeeded("a", PAY, 63.0)))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == (
        f"{PAY} was started again 60 s after the kill, but turned away by the lock 'lock:pay' before its body"
    )
    assert verdict.blame == f"the lock of {PAY} does not know its owner, and outlives it"
    assert verdict.events == (4, 6, 7, 8)


def test_kept_where_the_lock_knows_its_owner_and_lets_it_in() -> None:
    locks = [lock(0.3, "a", PAY, "lock:pay"), lock(62.05, "a", PAY, "lock:pay", acquired=False)]
    assert judged(run(killed(), locks, again(62.0), succeeded("a", PAY, 63.0))).outcome is Outcome.KEPT


def test_broken_where_something_else_turns_it_away() -> None:
    verdict = judged(run(killed(), again(62.0)[:1], succeeded("a", PAY, 63.0)))
    assert (verdict.outcome, verdict.observed) == (
        Outcome.BROKEN,
        f"{PAY} was started again 60 s after the kill, but its body was not",
    )


def test_the_time_counts_until_the_body_is_entered() -> None:
    turned_away = [started("a", PAY, 30.0, pid=2), started("a", PAY, 110.0, 1, pid=3)]
    history = run(killed(), turned_away, entered("a", PAY, 110.1, 1, pid=3), succeeded("a", PAY, 111.0))
    verdict = judged(history)
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == f"{PAY} ran again 108.1 s after the kill, promised within 100 s"


@pytest.mark.parametrize(
    ("history", "observed"),
    [
        (run(), "no task was killed with its worker"),
        (run(sent("a", PAY, 0.0, NAME), struck(2.0)), f"{PAY} never started"),
        (run(life("a", PAY, 0.0, NAME)), f"no worker was killed while {PAY} ran"),
        (run(struck(0.0), life("a", PAY, 1.0, NAME)), f"no worker was killed while {PAY} ran"),
        (run(life("a", PAY, 0.0, NAME), struck(2.0)), f"{PAY} was over before its worker was killed"),
        (
            run(killed(), broker_read(90.0, unacked=["a"])),
            f"{PAY} has not run again 88 s after the kill, when the record ends",
        ),
        (run(killed(), again(62.0)), f"{PAY} ran again 60.1 s after the kill, and has not ended"),
    ],
)
def test_unknown_where_nothing_put_it_to_the_test(history: History, observed: str) -> None:
    verdict = judged(history)
    assert (verdict.outcome, verdict.observed, verdict.blame) == (Outcome.UNKNOWN, observed, "")


def test_the_same_process_is_no_recovery() -> None:
    assert judged(run(killed(), again(62.0, pid=1), broker_read(90.0))).outcome is Outcome.UNKNOWN


def test_the_worker_is_killed_in_the_middle_of_the_first_members_body() -> None:
    (experiment,) = LossRecovered().experiments(CONTRACT, TIER)
    assert (experiment.name, experiment.phase, experiment.lingering) == (NAME, "crash", True)
    assert experiment.settle_within_s == 220.0
    assert [(s.task, s.body) for s in experiment.sends] == [(PAY, Body(hold_s=20.0))]
    when = Trigger(on="body-entered", nth=1, heal_after_s=1.0)
    assert experiment.strikes == (Strike("worker_kill", {"queue": "critical"}, when),)


def test_nothing_is_promised_without_a_time() -> None:
    tier = Tier("low", ("*",), loss=Loss(redelivered_at_most=3), members=(PAY,))
    assert LossRecovered().promise(tier) is None
    assert list(LossRecovered().experiments(CONTRACT, tier)) == []


def test_unknown_where_another_worker_was_killed() -> None:
    elsewhere = [*killed()[:3], struck(2.0, queue="critical"), worker_lost(2.0, worker="w2")]
    went_on = [left("a", PAY, 20.2), succeeded("a", PAY, 20.3)]
    verdict = judged(run(elsewhere, went_on, broker_read(150.0)))
    assert (verdict.outcome, verdict.observed) == (
        Outcome.UNKNOWN,
        f"no worker was killed while {PAY} ran",
    )
    nobody = [*killed()[:4], *went_on]
    assert judged(run(nobody, broker_read(150.0))).outcome is Outcome.UNKNOWN
    unnamed = [*killed(), *went_on]
    assert judged(run(unnamed, broker_read(150.0))).observed.startswith(f"{PAY} went on to its end")


def test_unknown_where_the_task_fails_without_any_fault_too() -> None:
    taken_over = [*killed(), *again(62.0), left("a", PAY, 82.0, pid=2), failed("a", PAY, 82.1)]
    assert judged(run(taken_over)).outcome is Outcome.BROKEN
    steady = life("s", PAY, 200.0, "steady/critical", ends="failed")
    verdict = judged(run(taken_over, steady))
    assert (verdict.outcome, verdict.observed) == (Outcome.UNKNOWN, f"{PAY} fails without any fault too")
