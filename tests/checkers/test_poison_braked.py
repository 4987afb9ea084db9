"""`poison_braked`: a task that kills its child comes to an end."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checkers.poison_braked import PoisonBraked
from harness.contract import Contract, Loss, Tier
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from harness.workload import Body
from tests.checkers.histories import (
    PAY,
    broker_read,
    dead_lettered,
    entered,
    failed,
    left,
    life,
    option,
    run,
    sent,
    started,
    succeeded,
)

TIER = Tier("critical", ("payroll.*",), queue="critical", loss=Loss(redelivered_at_most=3), members=(PAY,))
NAME = "poison_braked/critical"
LOOPING: dict[str, Any] = {
    "tasks": {
        PAY: {
            "acks_late": option(True, "settings"),
            "reject_on_worker_lost": option(True, "settings"),
            "retry_on_worker_lost": option(False, "Celery's default"),
        }
    }
}


def judged(history: History) -> Verdict:
    verdict = PoisonBraked().verdict(Contract((TIER,)), TIER, history)
    assert verdict is not None
    return verdict


def deaths(number: int) -> list[Event]:
    """Sent, and run so many times, a second apart, each time in another child."""
    events = [sent("a", PAY, 0.0, NAME)]
    for place in range(number):
        events += [started("a", PAY, place + 1.0, pid=place), entered("a", PAY, place + 1.1, pid=place)]
    return events


def test_kept_where_the_task_is_given_up_after_as_many_runs_as_promised() -> None:
    verdict = judged(run(deaths(3), failed("a", PAY, 5.0, where="worker"), broker_read(9.0)))
    assert (verdict.outcome, verdict.observed) == (Outcome.KEPT, f"{PAY} ran 3 times, then failed")
    assert verdict.promised == "a task that kills its child is run at most 3 times"
    assert verdict.events == (0, 1, 3, 5, 7, 8)


def test_kept_where_the_task_is_dead_lettered() -> None:
    verdict = judged(run(deaths(2), dead_lettered("a", PAY, 5.0), broker_read(9.0, queues={"dead": ["a"]})))
    assert (verdict.outcome, verdict.observed) == (Outcome.KEPT, f"{PAY} ran 2 times, then dead-lettered")


def test_kept_where_an_early_acknowledgement_loses_the_task_at_once() -> None:
    verdict = judged(run(deaths(1), broker_read(9.0)))
    assert verdict.outcome is Outcome.KEPT
    assert (
        verdict.observed == f"{PAY} ran 1 time, and the broker no longer has it: it was lost with its child"
    )


def test_broken_where_the_task_loops() -> None:
    verdict = judged(run(deaths(5), broker_read(9.0, unacked=["a"]), settings=LOOPING))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == f"{PAY} ran 5 times, promised at most 3, and is still being delivered"
    assert verdict.events == (2, 4, 6, 8, 10)
    assert verdict.blame == (
        "acks_late = True (settings), reject_on_worker_lost = True (settings), "
        f"retry_on_worker_lost = False (Celery's default) of {PAY}: a redelivery is no retry, so max_retries "
        "does not stop it (celery/worker/request.py)"
    )
    assert "x-delivery-limit" in verdict.mend


def test_broken_where_only_the_harness_ended_the_loop() -> None:
    verdict = judged(run(deaths(7), succeeded("a", PAY, 9.0), broker_read(9.5)))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == f"{PAY} ran 7 times, promised at most 3, until the harness let it live"


def test_broken_where_starts_are_all_that_was_seen() -> None:
    starts = [sent("a", PAY, 0.0, NAME), *(started("a", PAY, float(n), pid=n) for n in range(1, 5))]
    assert judged(run(starts, broker_read(9.0))).outcome is Outcome.BROKEN


@pytest.mark.parametrize(
    ("history", "observed"),
    [
        (run(broker_read(9.0)), "no task was made to kill its child"),
        (run(sent("a", PAY, 0.0, NAME), broker_read(9.0)), f"{PAY} never ran"),
        (run(deaths(2), failed("a", PAY, 5.0)), f"{PAY} ran 2 times, and nobody read the broker at the end"),
        (
            run(deaths(2), broker_read(9.0, unacked=["a"])),
            f"{PAY} ran 2 times, and is still to be delivered when the record ends",
        ),
        (
            run(deaths(2), broker_read(9.0, queues={"critical": ["a"]})),
            f"{PAY} ran 2 times, and is still to be delivered when the record ends",
        ),
        (
            run(life("a", PAY, 0.0, NAME), broker_read(9.0)),
            f"{PAY} ran 1 time, and succeeded: it did not kill its child in every run",
        ),
    ],
)
def test_unknown_where_nothing_put_it_to_the_test(history: History, observed: str) -> None:
    verdict = judged(history)
    assert (verdict.outcome, verdict.observed, verdict.blame) == (Outcome.UNKNOWN, observed, "")


def test_a_stub_dies_a_bounded_number_of_times_and_is_watched() -> None:
    (experiment,) = PoisonBraked().experiments(Contract((TIER,)), TIER)
    assert (experiment.name, experiment.phase, experiment.settle_within_s, experiment.watch_s) == (
        NAME,
        "crash",
        600.0,
        20.0,
    )
    assert [(s.task, s.body) for s in experiment.sends] == [(PAY, Body(stub=True, dies=True))]
    assert experiment.runaway_after == 6


def test_nothing_is_promised_without_a_number() -> None:
    assert PoisonBraked().promise(Tier("low", ("*",), loss=Loss(within_s=9.0))) is None
    assert list(PoisonBraked().experiments(Contract(()), Tier("low", ("*",), members=(PAY,)))) == []


def test_unknown_where_the_body_did_not_kill_its_child() -> None:
    lived = [*deaths(1), left("a", PAY, 1.2, pid=0, error_type="TypeError"), failed("a", PAY, 1.3)]
    verdict = judged(run(lived, broker_read(9.0)))
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.observed.endswith("it did not kill its child")
