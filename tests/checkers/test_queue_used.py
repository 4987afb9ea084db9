"""`queue_used`: tasks and their retries go through the promised queue."""

from __future__ import annotations

from harness.checkers.queue_used import QueueUsed
from harness.contract import Contract, Tier
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from tests.checkers.histories import MAIL, PAY, event, run, sent, worker_ready

TIER = Tier("critical", ("payroll.*",), queue="critical", members=(PAY, MAIL))
CONTRACT = Contract((TIER,))


def judged(history: History, tier: Tier = TIER) -> Verdict:
    verdict = QueueUsed().verdict(CONTRACT, tier, history)
    assert verdict is not None
    return verdict


def delivered(task_id: str, at_s: float, queue: str = "critical", task: str = PAY) -> Event:
    return event("message-delivered", at_s, task_id, task, queue=queue)


def test_kept_where_the_publish_and_the_retry_use_the_queue() -> None:
    history = run(
        sent("a", PAY, 0.0, "steady/critical", queue="critical"),
        delivered("a", 0.1),
        sent("a", PAY, 0.2, queue="critical", retries=1),
        delivered("a", 30.0),
    )
    verdict = judged(history)
    assert (verdict.outcome, verdict.events) == (Outcome.KEPT, (0, 2, 1, 3))
    assert verdict.observed == "1 task published to critical, 2 deliveries from it"


def test_broken_where_no_route_matches_and_the_default_queue_takes_it() -> None:
    history = run(
        sent("a", PAY, 0.0, "steady/critical", queue="celery"),
        settings={"default_queue": "celery", "tasks": {PAY: {"queue": "celery"}}},
    )
    verdict = judged(history)
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (0,))
    assert verdict.observed == "payroll.tasks.pay was published to celery, not critical (1 task)"
    assert verdict.blame == "no route matches payroll.tasks.pay, so task_default_queue (celery) takes it"
    assert verdict.mend == 'task_routes = {"payroll.tasks.pay": {"queue": "critical"}}'


def test_broken_where_a_route_leads_elsewhere() -> None:
    history = run(
        sent("a", PAY, 0.0, "steady/critical", queue="low"),
        settings={"default_queue": "celery", "tasks": {PAY: {"queue": "low"}}},
    )
    assert (
        judged(history).blame == "task_routes (or the task's own queue option) sends payroll.tasks.pay to low"
    )


def test_broken_where_only_the_retry_goes_astray() -> None:
    history = run(
        sent("a", PAY, 0.0, "steady/critical", queue="critical"),
        delivered("a", 0.1),
        sent("a", PAY, 0.2, queue="low", retries=1),
        settings={"tasks": {PAY: {"queue": "critical"}}},
    )
    verdict = judged(history)
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (2,))
    assert "retried into low" in verdict.observed
    assert (
        verdict.blame
        == "the app itself publishes payroll.tasks.pay to low: a queue= argument beats task_routes"
    )


def test_broken_where_no_worker_consumes_the_queue() -> None:
    history = run(
        worker_ready(0.0, queues=("low",)),
        sent("a", PAY, 1.0, "steady/critical", queue="critical"),
    )
    verdict = judged(history)
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1, 0))
    assert verdict.blame == "the -Q of no worker names critical"


def test_the_routing_key_of_the_queue_counts_as_the_queue_also_when_the_broker_delays() -> None:
    history = run(
        sent("a", PAY, 0.0, "steady/critical", queue="0.0.1.1.critical.all"),
        delivered("a", 0.1, queue="critical.all"),
        settings={"queues": {"critical": {"routing_key": "critical.all"}}},
    )
    assert judged(history).outcome is Outcome.KEPT


def test_unknown_where_nothing_was_sent_or_delivered_or_recorded() -> None:
    assert judged(run()).outcome is Outcome.UNKNOWN
    published = sent("a", PAY, 0.0, "steady/critical", queue="critical")
    assert judged(run(worker_ready(0.0), published)).outcome is Outcome.UNKNOWN
    silent = run(sent("a", PAY, 0.0, "steady/critical"), event("message-delivered", 0.1, "a", PAY))
    assert judged(silent).outcome is Outcome.UNKNOWN


def test_a_send_that_names_its_own_queue_is_not_judged() -> None:
    history = run(sent("a", PAY, 0.0, "x/critical", queue="low", options={"queue": "low"}))
    assert judged(history).outcome is Outcome.UNKNOWN


def test_nothing_is_promised_without_a_queue() -> None:
    assert QueueUsed().verdict(CONTRACT, Tier("low", ("*",)), run()) is None
