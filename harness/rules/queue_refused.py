"""A queue that Celery refuses to publish to."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._queues import uses


class QueueRefused(Rule):
    """A task, route or call names a queue that task_queues lacks, and task_create_missing_queues is off."""

    id = "RTE006"
    severity = Severity.HIGH
    why = (
        "The publish raises QueueNotFound in the caller: the web request fails, and the task was never sent."
    )
    mend = "Declare the queue, or correct its name."
    source = "celery/app/routes.py: Router.expand_destination raises QueueNotFound"
    proof = "scenarios/rules/test_queues.py::test_publishing_to_a_queue_that_is_refused_raises"

    def check(self, app: Configuration) -> Iterator[Finding]:
        if app.value("task_create_missing_queues"):
            return
        known = set(app.declared) or {str(app.settings.get("default_queue"))}
        for queue, subject, origin in uses(app):
            if queue not in known:
                what = f"{subject} goes to {queue}, which is not declared and is not created"
                yield self.found(app, queue, what, origin)
        for task in app.tasks:
            error = app.task(task).get("route_error")
            if error:
                yield self.found(app, task, f"routing it raises {error}", app.place(task))
