"""`no_lost_task`: the conservation law, task by task."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.checkers.no_lost_task import NoLostTask
from harness.contract import Contract, DeadLetter, Loss, Sample, Tier
from harness.experiments import checkers, needed
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from harness.workload import Body
from tests.checkers.histories import (
    MAIL,
    PAY,
    broker_read,
    child_lost,
    dead_lettered,
    entered,
    event,
    failed,
    ladder,
    left,
    life,
    option,
    publish_failed,
    published,
    received,
    rejected,
    revoked,
    run,
    sent,
    started,
    succeeded,
    worker_lost,
    worker_ready,
)

TIER = Tier("critical", ("payroll.*",), queue="critical", members=(PAY, MAIL))
CONTRACT = Contract((TIER,), samples={PAY: Sample(args=(1,))})


def judged(history: History, tier: Tier = TIER) -> Verdict:
    verdict = NoLostTask().verdict(CONTRACT, tier, history)
    assert verdict is not None
    return verdict


def begun(task_id: str = "a") -> list[Event]:
    """Sent, received, started, entered: under way."""
    return [
        sent(task_id, PAY, 0.0),
        received(task_id, PAY, 0.1),
        started(task_id, PAY, 0.2),
        entered(task_id, PAY, 0.3),
    ]


def test_kept_where_every_task_has_ended() -> None:
    verdict = judged(
        run(life("a", PAY, 0.0, "steady/critical"), life("b", MAIL, 1.0, ends="failed"), broker_read(9.0))
    )
    assert verdict.outcome is Outcome.KEPT
    assert verdict.observed == "2 tasks published: 1 failed, 1 succeeded"
    assert verdict.events == (4, 10, 11)


@pytest.mark.parametrize(
    ("end", "fate"),
    [
        (rejected("a", PAY, 1.0), "rejected"),
        (revoked("a", PAY, 1.0), "revoked"),
        (revoked("a", PAY, 1.0, expired=True), "expired"),
        (dead_lettered("a", PAY, 1.0), "dead-lettered"),
        (left("a", PAY, 1.0, error_type="Ignore"), "ignored"),
        (event("task-internal-error", 1.0, "a", PAY), "failed"),
    ],
)
def test_kept_by_every_end_that_a_task_can_have(end: Event, fate: str) -> None:
    verdict = judged(run(begun(), end, broker_read(9.0)))
    assert (verdict.outcome, verdict.observed) == (Outcome.KEPT, f"1 task published: 1 {fate}")


def test_kept_where_a_task_failed_twice_over() -> None:
    history = run(begun(), failed("a", PAY, 1.0), failed("a", PAY, 1.1), broker_read(9.0))
    assert judged(history).outcome is Outcome.KEPT


def test_tasks_of_other_tiers_and_of_none_are_not_judged() -> None:
    verdict = judged(run(life("a", PAY, 0.0), sent("b", "core.clean", 0.0), broker_read(9.0)))
    assert verdict.observed == "1 task published: 1 succeeded"


def test_broken_where_a_task_waits_in_a_queue_without_consumer() -> None:
    settings: dict[str, Any] = {
        "default_queue": "celery",
        "conf": {"task_default_queue": option("celery", "Celery's default")},
    }
    at_end = broker_read(9.0, queues={"celery": ["a"]}, consumers={"critical": 1, "celery": 0})
    verdict = judged(run(sent("a", PAY, 0.0), life("b", PAY, 0.0), at_end, settings=settings))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == f"{PAY} sits in queue celery, which no worker consumes"
    assert verdict.blame == f"task_default_queue = 'celery' (Celery's default): no route for {PAY}"
    assert verdict.events == (0, 6)


def test_broken_where_a_route_leads_to_a_queue_without_consumer() -> None:
    verdict = judged(run(sent("a", PAY, 0.0), broker_read(9.0, queues={"critcal": ["a"]})))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.blame == f"the route of {PAY} leads to critcal (task_routes, celery/app/routes.py)"
    assert verdict.mend == f"start a worker with -Q critcal, or route {PAY} elsewhere"


def test_unknown_where_a_task_waits_in_a_queue_that_is_consumed() -> None:
    verdict = judged(run(sent("a", PAY, 0.0), broker_read(9.0, queues={"critical": ["a"]})))
    assert (verdict.outcome, verdict.observed) == (Outcome.UNKNOWN, f"{PAY} still waits in queue critical")
    once = run(
        worker_ready(0.0), sent("a", PAY, 0.0), broker_read(9.0, queues={"critical": ["a"]}, consumers={})
    )
    assert judged(once).outcome is Outcome.UNKNOWN


def test_kept_where_a_message_lies_in_the_dead_letter_queue() -> None:
    tier = Tier("critical", ("payroll.*",), dead_letter=DeadLetter("queue:dead"), members=(PAY,))
    verdict = judged(run(begun(), broker_read(9.0, queues={"dead": ["a"]})), tier)
    assert (verdict.outcome, verdict.observed) == (Outcome.KEPT, "1 task published: 1 dead-lettered")


def test_kept_where_a_lost_worker_explains_that_a_message_is_unacknowledged() -> None:
    verdict = judged(run(begun(), worker_lost(1.0), broker_read(9.0, unacked=["a"])))
    assert (verdict.outcome, verdict.observed) == (Outcome.KEPT, "1 task published: 1 still unacknowledged")


def test_unknown_where_nothing_explains_that_a_message_is_unacknowledged() -> None:
    for other in (worker_lost(0.1), worker_lost(1.0, worker="w2")):
        verdict = judged(run(begun(), other, broker_read(9.0, unacked=["a"])))
        assert verdict.outcome is Outcome.UNKNOWN
        assert verdict.observed == f"{PAY} is still unacknowledged, and no lost worker explains it"


def test_kept_where_a_retry_or_a_countdown_is_not_due_yet() -> None:
    retry = ladder("a", PAY, 0.0, "x", [600.0], ends=None)[:-2]
    assert judged(run(retry, broker_read(9.0, unacked=["a"]))).observed == "1 task published: 1 scheduled"
    later = [sent("a", PAY, 0.0, countdown_s=60.0), broker_read(9.0, unacked=["a"])]
    assert judged(run(later)).observed == "1 task published: 1 scheduled"
    overdue = [sent("a", PAY, 0.0, countdown_s=5.0), broker_read(9.0, unacked=["a"])]
    assert judged(run(overdue)).outcome is Outcome.UNKNOWN


def test_broken_where_a_task_was_lost_with_its_worker() -> None:
    settings: dict[str, Any] = {"tasks": {PAY: {"acks_late": option(False, "Celery's default")}}}
    verdict = judged(run(begun(), worker_lost(1.0), broker_read(9.0), settings=settings))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == f"{PAY} was lost with the worker that ran it"
    assert verdict.blame == (
        f"acks_late = False (Celery's default) of {PAY}: the message is acknowledged before the body runs "
        "(celery/worker/request.py)"
    )
    assert verdict.events == (0, 2, 4, 5)


def test_broken_where_a_task_was_lost_with_its_child() -> None:
    settings: dict[str, Any] = {
        "tasks": {PAY: {"acks_late": option(True), "reject_on_worker_lost": option(False)}}
    }
    verdict = judged(run(begun(), child_lost(1.0), broker_read(9.0), settings=settings))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.blame.startswith("reject_on_worker_lost = False")


def test_broken_where_a_message_never_arrived_anywhere() -> None:
    verdict = judged(run(sent("a", PAY, 0.0), published("a", PAY, 0.1), broker_read(9.0)))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == f"{PAY} was published and reached neither a queue nor a worker"
    assert verdict.events == (0, 2)


def test_broken_where_the_retry_is_nowhere() -> None:
    verdict = judged(run(ladder("a", PAY, 0.0, "x", [30.0], ends=None)[:-2], broker_read(99.0)))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == f"{PAY} was to be retried, and the broker no longer has it"


def test_unknown_where_a_task_is_still_under_way() -> None:
    verdict = judged(run(begun(), broker_read(9.0)))
    assert (verdict.outcome, verdict.events) == (Outcome.UNKNOWN, (0, 2, 4))
    assert verdict.observed == f"{PAY} was still under way when the record ends"


def test_broken_where_no_worker_knows_the_task() -> None:
    verdict = judged(run(sent("a", PAY, 0.0), event("task-unknown", 1.0, "a", PAY), broker_read(9.0)))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (0, 1))
    assert verdict.observed == f"{PAY} was thrown away: the worker knows no such task"


def test_broken_where_a_task_both_succeeded_and_failed_whatever_the_broker_holds() -> None:
    verdict = judged(run(begun(), failed("a", PAY, 1.0), succeeded("a", PAY, 2.0)))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (4, 5))
    assert verdict.observed == f"{PAY} has both succeeded and failed"


def test_a_publish_that_raised_is_no_loss() -> None:
    refused = [sent("a", PAY, 0.0), publish_failed("a", PAY, 0.1)]
    verdict = judged(run(refused, life("b", PAY, 1.0), broker_read(9.0)))
    assert verdict.observed == "1 task published: 1 succeeded"


def test_unknown_where_nobody_read_the_broker() -> None:
    verdict = judged(run(life("a", PAY, 0.0)))
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.observed == "nobody read the broker at the end: what it still held is not on record"


def test_unknown_where_nothing_was_published() -> None:
    verdict = judged(run(life("a", "core.clean", 0.0), broker_read(9.0)))
    assert (verdict.outcome, verdict.observed) == (Outcome.UNKNOWN, "no task of the tier was published")


def test_the_steady_state_sends_every_member_once_without_faults() -> None:
    (experiment,) = NoLostTask().experiments(CONTRACT, TIER)
    assert (experiment.name, experiment.phase, experiment.strikes) == ("steady/critical", "main", ())
    assert [(s.task, s.count, s.body) for s in experiment.sends] == [
        (PAY, 1, Body()),
        (MAIL, 1, Body(stub=True)),
    ]


def test_a_publish_that_raised_inside_a_task_is_no_loss_either() -> None:
    others = [*life("b", PAY, 1.0), published("b", PAY, 1.0)]
    raised = sent("a", PAY, 0.0, parent="b")
    verdict = judged(run(raised, others, broker_read(9.0)))
    assert (verdict.outcome, verdict.observed) == (Outcome.KEPT, "1 task published: 1 succeeded")
    taken = published("a", PAY, 0.1)
    assert judged(run(raised, taken, others, broker_read(9.0))).outcome is Outcome.BROKEN


def test_a_task_that_was_replaced_goes_on_under_its_id() -> None:
    replaced = [*begun(), sent("a", MAIL, 0.4), left("a", PAY, 0.5, error_type="Ignore")]
    assert judged(run(replaced, broker_read(9.0))).outcome is not Outcome.KEPT
    done = [started("a", MAIL, 1.0), succeeded("a", MAIL, 1.1)]
    assert judged(run(replaced, done, broker_read(9.0))).observed == "1 task published: 1 succeeded"
    again = [started("a", MAIL, 1.0), left("a", MAIL, 1.1, error_type="Ignore")]
    assert judged(run(replaced, again, broker_read(9.0))).observed == "1 task published: 1 ignored"


def test_broken_where_a_task_was_revoked_after_it_had_succeeded() -> None:
    verdict = judged(run(begun(), succeeded("a", PAY, 1.0), revoked("a", PAY, 2.0, expired=True)))
    assert (verdict.outcome, verdict.observed) == (
        Outcome.BROKEN,
        f"{PAY} has both succeeded and been revoked",
    )


def test_unknown_where_a_worker_came_back_and_did_not_take_what_waits() -> None:
    waits = [sent("a", PAY, 0.0), worker_lost(1.0), broker_read(9.0, queues={"critical": ["a"]})]
    assert judged(run(waits)).observed == "1 task published: 1 still queued"
    verdict = judged(run(waits, worker_ready(2.0)))
    assert (verdict.outcome, verdict.observed) == (Outcome.UNKNOWN, f"{PAY} still waits in queue critical")


def test_a_worker_is_killed_where_the_contract_says_what_that_means() -> None:
    tier = Tier("critical", ("payroll.*",), queue="critical", members=(PAY,), loss=Loss(within_s=60.0))
    names = [experiment.name for experiment in NoLostTask().experiments(CONTRACT, tier)]
    assert names == ["steady/critical", "loss_recovered/critical"]
    contract = Contract((replace(tier, loss=Loss(within_s=60.0, redelivered_at_most=2)),))
    others = [each.name for each in needed(contract, checkers(["poison_braked"]))]
    assert others == ["poison_braked/critical", "steady/critical"]


def at_command(at_s: float, command: str, step: str = "before", concerns: tuple[str, ...] = ()) -> Event:
    """A strike of the proxy."""
    return event("fault-struck", at_s, link="broker", command=command, step=step, concerns=list(concerns))


@pytest.mark.parametrize(
    ("command", "step", "mend"), [("BRPOP", "reply", "RabbitMQ"), ("basic.publish.end", "before", "confirm")]
)
def test_a_message_that_was_struck_on_its_way_is_blamed_on_the_command(
    command: str, step: str, mend: str
) -> None:
    lost = [sent("a", PAY, 0.0), at_command(0.5, command, step, ("a",)), published("a", PAY, 1.0)]
    verdict = judged(run(lost, broker_read(9.0)))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (0, 1, 3))
    assert verdict.blame == f"its message was lost on its way: {command}, {step}"
    assert mend in verdict.mend
    another = [sent("a", PAY, 0.0), at_command(0.5, command, step, ("b",)), published("a", PAY, 1.0)]
    assert "on its way" not in judged(run(another, broker_read(9.0))).blame


def waiting(struck_at_s: float, *more: Event) -> Verdict:
    history = [
        worker_ready(0.0),
        at_command(struck_at_s, "ZREM"),
        sent("a", PAY, 10.0),
        published("a", PAY, 10.1),
    ]
    return judged(run(history, list(more), broker_read(300.0, queues={"critical": ["a"]})))


def test_broken_where_workers_take_nothing_any_more_after_a_strike_at_an_acknowledgement() -> None:
    verdict = waiting(5.0)
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == f"{PAY} sits in queue critical, whose workers have taken nothing for 295 s"
    assert "can_consume" in verdict.blame


def test_unknown_where_they_have_taken_something_or_have_had_no_time_to() -> None:
    taken = event("message-delivered", 20.0, "b", PAY, queue="critical")
    assert waiting(5.0, taken).outcome is Outcome.UNKNOWN
    assert waiting(250.0).outcome is Outcome.UNKNOWN
