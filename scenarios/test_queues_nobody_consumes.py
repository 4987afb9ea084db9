"""A task goes to a queue without a worker, and waits there for ever."""

from __future__ import annotations

import pytest

from harness.plugin import Judgement


def test_every_task_is_published_to_the_queue_of_its_tier(myhours: Judgement) -> None:
    """Retries, alerts and replays included."""
    myhours.assert_kept("queue_used")


def test_every_queue_has_a_worker(myhours: Judgement) -> None:
    """The default queue among them."""
    myhours.assert_kept("queue_consumed")


def test_no_route_is_without_a_task(myhours: Judgement) -> None:
    """A route for a mistyped name would match nothing."""
    myhours.assert_kept("routes_match")


@pytest.mark.parametrize("task", ["core.tasks.cleanup_old_logs", "handle_failed_task"])
def test_as_documented_tasks_without_a_route_wait_for_ever(documented: Judgement, task: str) -> None:
    """`task_default_queue` is Celery's own `celery`, and no documented worker consumes it."""
    documented.assert_broken("queue_consumed", says=task)
    verdict = documented.assert_broken("no_lost_task", "normal", says="which no worker consumes")
    assert "task_default_queue = 'celery'" in verdict.blame


def test_as_documented_a_task_without_a_route_misses_its_queue(documented: Judgement) -> None:
    """The document calls `normal` the default; nothing makes it that."""
    documented.assert_broken("queue_used", "normal", says="was published to celery, not normal")
