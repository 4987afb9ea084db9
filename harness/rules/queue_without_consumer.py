"""A queue that no worker consumes."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import NO_WORKERS, several


class QueueWithoutConsumer(Rule):
    """A task goes to a queue that no worker of the contract consumes.

    Says `unknown` where no contract names the workers: an app does not know its worker commands.
    """

    id = "RTE002"
    severity = Severity.HIGH
    why = "Its messages wait for ever; nothing fails, and no monitoring of failures hears of it."
    mend = "Start a worker with -Q for the queue, or route the task to one that is consumed."
    source = "celery/bin/worker.py: -Q; celery/app/amqp.py: consume_from"
    proof = "scenarios/rules/test_queues.py::test_a_queue_without_a_consumer_keeps_its_tasks"

    def check(self, app: Configuration) -> Iterator[Finding]:
        if app.workers is None:
            yield self.unknown(app, "workers", NO_WORKERS)
            return
        consumed = {queue for worker in app.workers for queue in app.consumed(worker)}
        used: dict[str, list[str]] = {}
        for task in app.tasks:
            queue = app.task(task).get("queue")
            if isinstance(queue, str) and queue not in consumed:
                used.setdefault(queue, []).append(task)
        for queue, tasks in sorted(used.items()):
            origin = str(app.task(tasks[0]).get("queue_origin", ""))
            yield self.found(app, queue, f"no worker consumes {queue}; {several(tasks)} go there", origin)
