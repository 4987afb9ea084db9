"""`no_duplicate_effect`: one task, one effect, however often it runs."""

from __future__ import annotations

from harness.checkers.no_duplicate_effect import NoDuplicateEffect
from harness.contract import Contract, Effect, Loss, Sample, Tier
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from harness.workload import Body, Strike, Trigger
from tests.checkers.histories import (
    MAIL,
    PAY,
    broker_read,
    effect,
    ended,
    entered,
    left,
    life,
    retried,
    run,
    sent,
    started,
    struck,
    succeeded,
    worker_lost,
)

ROW = Effect("row:payroll.Payment")
NAME = "no_duplicate_effect/critical"


def tier(counted: str = ROW.counted, at_most: int = 1, within_s: float | None = None) -> Tier:
    return Tier(
        "critical",
        ("payroll.*",),
        queue="critical",
        effect=Effect(counted, at_most),
        loss=Loss(within_s=within_s),
        members=(MAIL, PAY),
    )


CONTRACT = Contract((tier(),), samples={PAY: Sample(args=(1,))})


def judged(history: History, promised: Tier | None = None) -> Verdict:
    promised = promised or tier()
    verdict = NoDuplicateEffect().verdict(CONTRACT, promised, history)
    assert verdict is not None
    return verdict


def row(at_s: float, task_id: str = "a") -> Event:
    return effect(task_id, PAY, at_s, "row", "payroll.Payment")


def killed() -> list[Event]:
    """Has its effect, leaves its body, and is killed with its worker: places 0 to 6."""
    return [
        sent("a", PAY, 0.0, NAME),
        started("a", PAY, 0.1, pid=1),
        entered("a", PAY, 0.2, pid=1),
        row(0.3),
        left("a", PAY, 0.4, pid=1),
        struck(2.4, queue="critical"),
        worker_lost(2.4),
    ]


def again(at_s: float = 60.0) -> list[Event]:
    """Delivered again, run again, succeeded."""
    return [
        started("a", PAY, at_s, pid=2, redelivered=True),
        entered("a", PAY, at_s + 0.1, pid=2),
        left("a", PAY, at_s + 0.2, pid=2),
        succeeded("a", PAY, at_s + 0.3),
    ]


def test_kept_where_a_second_run_after_the_effect_has_none() -> None:
    verdict = judged(run(killed(), again(), broker_read(99.0)))
    assert verdict.outcome is Outcome.KEPT
    assert verdict.promised == "one task has its effect (row:payroll.Payment) at most 1 time"
    assert verdict.observed == "1 task run again after the effect, not had again"
    assert verdict.events == (3, 8)


def test_broken_where_the_second_run_has_the_effect_again() -> None:
    verdict = judged(run(killed(), again(), row(60.15), broker_read(99.0)))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (3, 9))
    assert verdict.observed == f"1 task of {PAY} had the effect (row:payroll.Payment) up to 2 times"
    assert "delivered again" in verdict.blame
    assert "unique key" in verdict.mend


def test_broken_where_a_retry_has_the_effect_again_in_whatever_experiment() -> None:
    history = run(
        sent("a", PAY, 0.0, "retry_cap/critical"),
        started("a", PAY, 0.1),
        row(0.2),
        retried("a", PAY, 0.3),
        started("a", PAY, 30.3, 1),
        row(30.4),
    )
    verdict = judged(history)
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (2, 5))
    assert "retried" in verdict.blame


def test_kept_where_more_than_one_effect_is_allowed() -> None:
    thrice = run(killed(), again(), row(60.15), again(70.0), broker_read(99.0))
    assert judged(thrice, tier(at_most=2)).outcome is Outcome.KEPT
    two_at_once = run(killed(), row(0.35), again(), broker_read(99.0))
    assert judged(two_at_once, tier(at_most=2)).outcome is Outcome.KEPT


def test_other_effects_do_not_count() -> None:
    others = [effect("a", PAY, 60.15, "row", "core.Audit"), effect("a", PAY, 60.16, "mail", "x")]
    assert judged(run(killed(), again(), others, broker_read(99.0))).outcome is Outcome.KEPT


def test_mail_and_files_are_counted_by_kind() -> None:
    mails = [effect("a", PAY, 0.3, "mail", "x"), effect("a", PAY, 60.15, "mail", "y")]
    assert judged(run(killed(), again(), mails), tier("mail")).outcome is Outcome.BROKEN


def test_a_body_counts_when_it_returned() -> None:
    assert judged(run(killed(), again()), tier("body")).outcome is Outcome.BROKEN
    unfinished = [e for e in killed() if e.kind != "body-left"]
    verdict = judged(run(unfinished, again()), tier("body"))
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.observed == "1 task had the effect, and none was run again after it"


def test_kept_where_an_early_acknowledgement_leaves_nothing_to_deliver_again() -> None:
    verdict = judged(run(killed(), broker_read(99.0)))
    assert (verdict.outcome, verdict.events) == (Outcome.KEPT, (3,))
    assert verdict.observed == "1 task killed after the effect; the broker does not deliver again"


def test_unknown_where_the_broker_is_still_to_deliver_it_again() -> None:
    verdict = judged(run(killed(), broker_read(99.0, unacked=["a"])))
    assert (verdict.outcome, verdict.events) == (Outcome.UNKNOWN, (3,))
    assert verdict.observed == "1 task had the effect, and the broker is still to deliver it again"


def test_unknown_where_a_stub_stood_in_for_the_second_run() -> None:
    given_up = ended(50.0, NAME, settled=False, waiting=["a"])
    assert judged(run(killed(), given_up, again(), broker_read(99.0))).outcome is Outcome.UNKNOWN
    assert (
        judged(run(killed(), given_up, again(), broker_read(99.0)), tier("body")).outcome is Outcome.UNKNOWN
    )


def test_unknown_where_nobody_read_the_broker_after_the_kill() -> None:
    assert judged(run(killed())).outcome is Outcome.UNKNOWN


def test_unknown_where_the_kill_came_before_the_effect() -> None:
    history = run(
        sent("a", PAY, 0.0, "loss_recovered/critical"),
        started("a", PAY, 0.1, pid=1),
        entered("a", PAY, 0.2, pid=1),
        struck(2.0),
        worker_lost(2.0),
        again(),
        row(60.15),
        broker_read(99.0),
    )
    assert judged(history).outcome is Outcome.UNKNOWN


def test_unknown_where_no_task_was_run_again() -> None:
    verdict = judged(run(life("a", PAY, 0.0), row(0.25), broker_read(9.0)))
    assert (verdict.outcome, verdict.events) == (Outcome.UNKNOWN, (3,))


def test_unknown_where_no_effect_was_seen() -> None:
    verdict = judged(run(life("a", PAY, 0.0), broker_read(9.0)))
    assert verdict.observed == "no effect (row:payroll.Payment) of any task was seen"


def test_the_worker_is_killed_after_the_effect_and_before_celery_hears_of_it() -> None:
    (own,) = NoDuplicateEffect().experiments(CONTRACT, tier())
    assert (own.name, own.phase, own.lingering, own.settle_within_s) == (NAME, "crash", True, 3720.0)
    assert [(s.task, s.body) for s in own.sends] == [(PAY, Body(lingers_s=20.0))]
    when = Trigger(at_s=2.0, on="body-left", nth=1, heal_after_s=1.0)
    assert own.strikes == (Strike("worker_kill", {"queue": "critical"}, when),)


def test_the_experiment_of_loss_recovered_is_judged_as_well() -> None:
    shared, own = NoDuplicateEffect().experiments(CONTRACT, tier(within_s=60.0))
    assert (shared.name, own.name, own.settle_within_s) == ("loss_recovered/critical", NAME, 180.0)


def test_a_body_is_counted_in_stubs_too_and_a_row_is_not() -> None:
    (own,) = NoDuplicateEffect().experiments(CONTRACT, tier("body"))
    assert [(s.task, s.body.stub) for s in own.sends] == [(MAIL, True), (PAY, False)]
    assert list(NoDuplicateEffect().experiments(Contract((tier(),)), tier())) == []


def test_unknown_where_a_task_was_not_run_often_enough_to_exceed_what_it_may() -> None:
    twice = tier(at_most=2)
    once_more = run(killed(), again(), succeeded("a", PAY, 62.0), broker_read(99.0))
    verdict = judged(once_more, twice)
    assert (verdict.outcome, verdict.observed) == (
        Outcome.UNKNOWN,
        "1 task had the effect, and none was run again after it often enough to have it more than 2 times",
    )
    again_and_again = run(killed(), again(), again(70.0), succeeded("a", PAY, 72.0), broker_read(99.0))
    assert judged(again_and_again, twice).outcome is Outcome.KEPT
