"""A pattern as the routing key of a direct exchange."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class RoutingKeyPattern(Rule):
    """A queue is bound to a direct exchange with a pattern for a routing key.

    Only topic exchanges match patterns. Celery hides it by publishing to the default exchange with the
    queue's name; another publisher that sends to the exchange with a concrete key reaches nobody.
    """

    id = "RTE005"
    severity = Severity.MEDIUM
    why = "Messages from outside Celery, or with a routing key of their own, are dropped without a word."
    mend = "Give the queue its own name as the routing key, or use a topic exchange."
    source = "celery/app/amqp.py: Queues, AMQP._create_task_sender; RabbitMQ docs: exchanges"
    proof = "scenarios/rules/test_queues.py::test_a_pattern_key_on_a_direct_exchange_drops_messages"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for name, queue in app.queues.items():
            key = str(queue.get("routing_key") or "")
            if queue.get("exchange_type") == "direct" and ("*" in key or "#" in key):
                what = f"its routing key {key!r} on a direct exchange matches only itself"
                yield self.found(app, name, what, app.queue_place(name))
