"""A retry is published, and what comes after it takes longer than the soft limit: the retry stands.

Celery publishes a retry, then stores RETRY (`celery/app/trace.py`, ``handle_retry``); a soft limit in between
makes the task FAILURE, although it runs again. Found by `celery-harness search`.
"""

from __future__ import annotations

import pytest

from harness.probe.steps import Point
from harness.trials import Laboratory, Schedule, Task

pytestmark = pytest.mark.harness_app("myhours.celery:app", workdir="myhours")

FAILING = (Task("biometrics.tasks.process_face_recognition", raises="filesystem", failing_attempts=3),)
LATE = [
    Point("cache", "0", 5, "after", "delay"),  # the brake forgets the third run
    Point("result", "0", 1, "before", "delay"),  # RETRY is stored, by a backend that takes its time
    Point("result", "0", 3, "after", "delay"),
]


@pytest.mark.parametrize("point", LATE, ids=lambda point: f"{point.kind} {point.nth} {point.when}")
def test_a_task_that_is_retried_does_not_fail_as_well(laboratory: Laboratory, point: Point) -> None:
    trial = laboratory.try_out(Schedule(FAILING, (point,)))
    assert [event.get("fault") for event in trial.history.of("fault-injected")].count("delay") == 1
    assert not trial.broken
    assert len(list(trial.history.of("task-succeeded"))) == 1
