"""A queue's maximum priority that does nothing, or breaks the queue."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class MaxPriorityVoid(Rule):
    """A queue has x-max-priority where it is ignored or refused.

    Redis ignores it. A quorum queue refuses the declaration with 406 PRECONDITION_FAILED (high). Where
    every task of the queue has the same priority it orders nothing.
    """

    id = "PRI002"
    severity = Severity.LOW
    why = "It reads as an order that nobody keeps; changed later, RabbitMQ refuses the queue with 406."
    mend = "Remove it, or use a classic queue with tasks of different priorities on RabbitMQ."
    source = "kombu/transport/redis.py: priority_steps; RabbitMQ docs: priority queues, quorum queues"
    proof = "scenarios/rules/test_rabbitmq.py::test_another_maximum_priority_is_refused"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for name, queue in app.queues.items():
            arguments = queue.get("arguments") or {}
            if "x-max-priority" not in arguments:
                continue
            origin = app.queue_place(name)
            there = {
                app.task(task).get("priority") for task in app.tasks if app.task(task).get("queue") == name
            }
            if "rabbitmq" in app.brokers and arguments.get("x-queue-type") == "quorum":
                what = "a quorum queue refuses x-max-priority (406)"
                yield self.found(app, name, what, origin, severity=Severity.HIGH)
            elif app.brokers == {"redis"}:
                yield self.found(app, name, "Redis ignores x-max-priority", origin)
            elif len(there) < 2:
                yield self.found(
                    app, name, "all its tasks have one priority: x-max-priority orders nothing", origin
                )
