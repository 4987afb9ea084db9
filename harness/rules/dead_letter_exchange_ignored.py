"""A dead letter exchange where none is implemented."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import several

IGNORED = ("x-dead-letter-exchange", "x-dead-letter-routing-key", "x-delivery-limit")


class DeadLetterExchangeIgnored(Rule):
    """A queue has x-dead-letter-exchange or x-delivery-limit, and the broker is Redis."""

    id = "DLQ007"
    severity = Severity.HIGH
    why = "Rejected and poisonous messages are gone, or are delivered for ever, instead of being kept."
    mend = "Use RabbitMQ, or write dead letters yourself on task_failure."
    source = "kombu/transport/virtual/base.py: basic_reject; arguments of queues are not read there"
    proof = "scenarios/rules/test_dead_letters.py::test_redis_has_no_dead_letter_exchange"

    def check(self, app: Configuration) -> Iterator[Finding]:
        if "redis" not in app.brokers:
            return
        for name, queue in app.queues.items():
            ignored = [each for each in queue.get("arguments") or {} if each in IGNORED]
            if ignored:
                what = f"Redis ignores {several(ignored)}"
                yield self.found(app, name, what, app.queue_place(name))
