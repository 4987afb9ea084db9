"""Which tasks may still go on: decided by the events alone."""

from __future__ import annotations

from typing import Any

import pytest

from harness.history import Event
from harness.progress import Progress

READY = Event(0.0, "worker-ready", data={"queues": ["celery"]})


def event(kind: str, task_id: str = "a", **data: Any) -> Event:
    return Event(1.0, kind, task_id=task_id, data=data)


def sent(task_id: str = "a", *, queue: str = "celery", **data: Any) -> Event:
    return event("task-sent", task_id, queue=queue, **data)


def after(*events: Event) -> Progress:
    progress = Progress()
    progress.feed(events)
    return progress


def test_a_task_is_waited_for_from_its_publish_to_its_end() -> None:
    arrived = [READY, sent(experiment="cap")]
    progress = after(*arrived)
    assert progress.waiting("cap") == {"a"}
    arrived.append(event("task-succeeded"))
    progress.feed(arrived)
    assert progress.waiting("cap") == set()


def test_what_was_ordered_and_is_not_yet_published_is_told_from_what_was_or_could_not_be() -> None:
    progress = after(READY, sent("a"), event("publish-failed", "b"))
    assert progress.unsent({"a", "b", "c"}) == {"c"}


@pytest.mark.parametrize(
    "end",
    [
        event("task-succeeded"), event("task-failed"), event("task-rejected"), event("task-revoked"),
        event("task-unknown"), event("publish-failed"), event("message-rejected", requeue=False),
        event("body-left", error_type="Ignore"),
    ],
    ids=lambda end: end.kind,
)  # fmt: skip
def test_these_end_a_task(end: Event) -> None:
    assert after(READY, sent(experiment="cap"), end).waiting("cap") == set()


@pytest.mark.parametrize(
    "no_end",
    [
        event("task-retried"), event("message-acked"), event("message-rejected", requeue=True),
        event("child-lost"), event("body-left", error_type="OSError"), event("result-stored"),
    ],
    ids=lambda event: event.kind,
)  # fmt: skip
def test_these_do_not(no_end: Event) -> None:
    assert after(READY, sent(experiment="cap"), no_end).waiting("cap") == {"a"}


@pytest.mark.parametrize("kind", ["task-started", "message-delivered"])
def test_a_task_that_comes_back_is_waited_for_again(kind: str) -> None:
    assert after(READY, sent(experiment="cap"), event("task-failed"), event(kind)).waiting("cap") == {"a"}


def test_what_lies_in_a_queue_that_nobody_consumes_is_not_waited_for() -> None:
    assert after(READY, sent(queue="other", experiment="cap")).waiting("cap") == set()
    assert after(sent(experiment="cap")).waiting("cap") == set()
    assert after(sent(experiment="cap"), READY).waiting("cap") == {"a"}


def test_a_task_that_moves_to_another_queue_is_waited_for_there() -> None:
    """A retry may be published elsewhere."""
    moved = [READY, sent(experiment="cap"), sent(queue="other", retries=1)]
    assert after(*moved).waiting("cap") == set()


def test_experiments_do_not_wait_for_each_other_and_the_app_s_own_tasks_are_others() -> None:
    progress = after(READY, sent("a", experiment="cap"), sent("b", experiment="loss"), sent("c"))
    assert (progress.waiting("cap"), progress.waiting("loss"), progress.waiting_others()) == (
        {"a"},
        {"b"},
        {"c"},
    )
    assert after(READY, sent("a", experiment="cap"), sent("a", retries=1)).waiting_others() == set()


def test_a_task_that_is_started_too_often_has_run_away() -> None:
    progress = after(READY, sent(experiment="cap"), *[event("task-started")] * 3)
    assert progress.ran_away("cap", 2) == {"a"}
    assert progress.ran_away("cap", 3) == set()
    assert progress.ran_away("loss", 2) == set()


def test_each_event_counts_once_however_often_it_is_shown() -> None:
    arrived = [READY, sent(experiment="cap"), event("task-started")]
    progress = Progress()
    for _ in range(5):
        progress.feed(arrived)
    assert progress.starts["a"] == 1
