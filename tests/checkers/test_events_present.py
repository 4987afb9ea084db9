"""`events_present`: Celery's monitor sees what the probe sees."""

from __future__ import annotations

from harness.checkers.events_present import ALWAYS_SEEN, EventsPresent
from harness.contract import Contract, Tier
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from tests.checkers.histories import (
    PAY,
    event,
    failed,
    option,
    received,
    retried,
    run,
    sent,
    started,
    succeeded,
)

TIER = Tier("critical", ("payroll.*",), events=True, members=(PAY,))
OFF = {"conf": {"worker_send_task_events": option(False)}}


def judged(history: History) -> Verdict:
    verdict = EventsPresent().verdict(Contract((TIER,)), TIER, history)
    assert verdict is not None
    return verdict


def lived() -> list[Event]:
    """One task of the steady state as the probe saw it: places 0 to 3."""
    return [
        sent("a", PAY, 0.0, "steady/critical"),
        received("a", PAY, 0.1),
        started("a", PAY, 0.2),
        succeeded("a", PAY, 0.3),
    ]


def seen(*kinds: str, task_id: str = "a") -> list[Event]:
    return [event("celery-event", 1.0, task_id, PAY, event=kind) for kind in kinds]


def test_kept_where_the_monitor_saw_the_whole_life() -> None:
    verdict = judged(run(lived(), seen(*ALWAYS_SEEN)))
    assert (verdict.outcome, verdict.events) == (Outcome.KEPT, (4, 5, 6, 7))
    assert verdict.observed == "1 task seen from sent to succeeded"


def test_broken_where_the_workers_send_nothing() -> None:
    verdict = judged(run(lived(), settings=OFF))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (0, 1, 2, 3))
    assert verdict.blame == "worker_send_task_events and task_send_sent_event are off"
    assert verdict.mend == "worker_send_task_events = True, task_send_sent_event = True"


def test_broken_where_only_the_client_is_silent() -> None:
    verdict = judged(run(lived(), seen(*ALWAYS_SEEN[1:])))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (0,))
    assert verdict.observed == "a monitor never sees task-sent of 1 task"
    assert verdict.blame == "task_send_sent_event is off"


def test_broken_where_the_monitor_never_sees_a_retry() -> None:
    other = [sent("b", PAY, 2.0, "retry_cap/critical"), retried("b", PAY, 2.1), failed("b", PAY, 2.2)]
    verdict = judged(run(lived(), other, seen(*ALWAYS_SEEN), seen("task-failed", task_id="b")))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (10,))
    assert verdict.observed == "a monitor never sees task-retried of 1 task"


def test_a_failure_seen_once_is_enough_since_a_killed_worker_takes_its_events_with_it() -> None:
    others = [failed("b", PAY, 2.0), failed("c", PAY, 2.1)]
    verdict = judged(run(lived(), others, seen(*ALWAYS_SEEN), seen("task-failed", task_id="b")))
    assert verdict.outcome is Outcome.KEPT


def test_unknown_where_the_monitor_was_deaf_or_nothing_succeeded() -> None:
    assert judged(run(lived())).outcome is Outcome.UNKNOWN
    assert judged(run(seen("task-sent", task_id="z"))).outcome is Outcome.UNKNOWN
