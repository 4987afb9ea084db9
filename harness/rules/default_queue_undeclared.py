"""A default queue that nobody declared."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import several


class DefaultQueueUndeclared(Rule):
    """task_queues is given and task_default_queue is not among them.

    Workers without `-Q` consume `task_queues` only, and every task without a route goes to the default
    queue, `celery` unless it is set. Of medium severity where every task of today has a route.
    """

    id = "RTE001"
    severity = Severity.HIGH
    why = "Unrouted tasks wait in a queue that no worker consumes; nothing fails, they just never run."
    mend = "Set task_default_queue to a declared queue, and task_create_missing_queues = False."
    source = "celery/app/amqp.py: Queues, consume_from; celery/app/routes.py: Router.route"
    proof = "scenarios/rules/test_queues.py::test_unrouted_tasks_wait_in_a_queue_that_nobody_declared"

    def check(self, app: Configuration) -> Iterator[Finding]:
        default = str(app.settings.get("default_queue"))
        if not app.declared or default in app.declared:
            return
        if any(default in app.consumed(worker) for worker in app.workers or ()):
            return
        lost = [task for task in app.tasks if app.task(task).get("queue") == default]
        what = f"{default} is not in task_queues; "
        what += f"{several(lost)} go there" if lost else "the next task without a route goes there"
        severity = self.severity if lost else Severity.MEDIUM
        origin = app.conf("task_default_queue").origin
        if not app.given("task_default_queue"):
            origin = app.conf("task_queues").origin
        yield self.found(app, default, what, origin, severity=severity)
