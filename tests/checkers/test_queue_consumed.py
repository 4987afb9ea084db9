"""`queue_consumed`: no queue in force is a black hole."""

from __future__ import annotations

from typing import Any

from harness.checker import WHOLE_APP
from harness.checkers.queue_consumed import QueueConsumed
from harness.contract import Contract, DeadLetter, Tier
from harness.history import History
from harness.verdict import Outcome, Verdict
from tests.checkers.histories import MAIL, PAY, broker_read, run, sent, worker_ready

CONTRACT = Contract((Tier("critical", ("payroll.*",), dead_letter=DeadLetter("queue:failed")),))
CLEANUP = "core.tasks.cleanup_old_logs"


def settings(default: str = "normal", **queues: str) -> dict[str, Any]:
    routed = {PAY: "critical", **{name.replace("__", "."): queue for name, queue in queues.items()}}
    return {"default_queue": default, "tasks": {name: {"queue": queue} for name, queue in routed.items()}}


def judged(history: History) -> Verdict:
    verdict = QueueConsumed().verdict(CONTRACT, WHOLE_APP, history)
    assert verdict is not None
    return verdict


def test_kept_where_the_workers_consume_every_queue() -> None:
    history = run(worker_ready(0.0), worker_ready(0.1, "w2", ("normal",)), settings=settings())
    verdict = judged(history)
    assert (verdict.outcome, verdict.events) == (Outcome.KEPT, (0, 1))
    assert verdict.observed == "2 queues in force, each consumed: normal, critical"


def test_kept_where_only_the_broker_knows_the_consumers() -> None:
    history = run(broker_read(9.0, consumers={"critical": 1, "normal": 2}), settings=settings())
    assert judged(history).outcome is Outcome.KEPT


def test_broken_where_the_default_queue_is_a_black_hole_with_the_tasks_that_sat_there() -> None:
    history = run(
        worker_ready(0.0),
        sent("a", CLEANUP, 1.0, "steady/low", queue="celery"),
        sent("b", PAY, 1.0, "steady/critical", queue="critical"),
        broker_read(9.0, queues={"celery": ["a"]}),
        settings=settings("celery", core__tasks__cleanup_old_logs="celery"),
    )
    verdict = judged(history)
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1, 3, 0))
    assert verdict.observed == (
        "queue celery (task_default_queue) is consumed by no worker; core.tasks.cleanup_old_logs goes there; "
        "1 task sat there at the end"
    )
    assert verdict.blame == "task_default_queue: no worker consumes it"
    assert verdict.mend == "set task_default_queue to a queue that a worker consumes"


def test_broken_where_no_task_goes_to_the_lonely_default_queue_yet() -> None:
    verdict = judged(run(worker_ready(0.0), settings=settings("celery")))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (0,))
    assert verdict.observed.endswith("any unrouted task goes there")


def test_broken_where_a_routed_queue_has_no_worker() -> None:
    history = run(worker_ready(0.0, queues=("normal",)), settings=settings(payroll__tasks__mail="critical"))
    verdict = judged(history)
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == f"queue critical is consumed by no worker; {MAIL}, {PAY} go there"
    assert verdict.mend == "celery worker -Q critical"


def test_the_place_of_dead_letters_needs_no_consumer() -> None:
    history = run(worker_ready(0.0, queues=("critical", "normal")), settings=settings(core__dead="failed"))
    assert judged(history).outcome is Outcome.KEPT


def test_unknown_without_a_snapshot_or_without_workers() -> None:
    assert judged(run(worker_ready(0.0))).outcome is Outcome.UNKNOWN
    assert judged(run(settings=settings())).outcome is Outcome.UNKNOWN
