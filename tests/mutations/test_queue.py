"""A queue is not declared."""

from __future__ import annotations

from tests.mutations.targets import target, told

QUEUES = {"sales": {"declared": True}, "spare": {"declared": True}}


def test_a_queue_that_tasks_go_to_is_not_declared() -> None:
    app = target({"task_queues": ["<Queue sales>"], "task_routes": {"*": {}}}, queues=QUEUES)
    assert told("queue", app) == [("task_queues['sales']", "declared", None)]


def test_the_default_queue_is_another_where_tasks_have_no_route() -> None:
    app = target({"task_default_queue": "celery"}, described={"queue": "celery"})
    assert told("queue", app) == [("task_default_queue", "celery", "elsewhere")]
