"""A queue that Celery makes because a name was written somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._queues import uses


class QueueMadeUp(Rule):
    """A task, route or call names a queue that task_queues does not have, and Celery creates it.

    `task_create_missing_queues` is on by default: a mistyped queue is a new queue. No finding where
    `task_queues` is not given (then every queue is made so) or a worker of the contract consumes it.
    """

    id = "RTE003"
    severity = Severity.HIGH
    why = "What is sent there waits in a queue that no worker consumes."
    mend = (
        "Declare the queue, correct its name, and set task_create_missing_queues = False to be told next "
        "time."
    )
    source = "celery/app/amqp.py: Queues.__missing__, create_missing; docs: task_create_missing_queues"
    proof = "scenarios/rules/test_queues.py::test_a_mistyped_queue_is_made_and_never_consumed"

    def check(self, app: Configuration) -> Iterator[Finding]:
        if not app.declared or not app.value("task_create_missing_queues"):
            return
        known = {*app.declared, str(app.settings.get("default_queue"))}
        known |= {queue for worker in app.workers or () for queue in app.consumed(worker)}
        for queue, subject, origin in uses(app):
            if queue not in known:
                near = get_close_matches(queue, known, n=1)
                hint = f"; perhaps {near[0]} was meant" if near else ""
                yield self.found(app, queue, f"{subject} goes to {queue}, not in task_queues{hint}", origin)
