"""A queue that deletes messages."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule

LIMITS = ("x-message-ttl", "x-max-length", "x-max-length-bytes")


class QueueDeletes(Rule):
    """A queue has a TTL or a maximum length without reject-publish or a dead letter exchange.

    RabbitMQ deletes what is too old, and the oldest of what is too many. Redis implements neither: there a
    queue of dead letters grows without bound (medium).
    """

    id = "DLQ005"
    severity = Severity.HIGH
    why = "Tasks, or the dead letters that were kept for review, vanish without a word."
    mend = (
        "No TTL; x-overflow = reject-publish with confirm_publish; watch the depth. Keep dead letters in "
        "a table."
    )
    source = "RabbitMQ docs: TTL, queue length limit; kombu/transport/redis.py: Message TTL: No"
    proof = "scenarios/rules/test_rabbitmq.py::test_a_ttl_deletes_messages"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for name, queue in app.queues.items():
            arguments = queue.get("arguments") or {}
            limits = [each for each in LIMITS if each in arguments]
            if arguments.get("x-overflow") in ("reject-publish", "reject-publish-dlx"):
                limits = [each for each in limits if each == "x-message-ttl"]
            if not limits:
                continue
            origin = app.queue_place(name)
            if "rabbitmq" in app.brokers and not arguments.get("x-dead-letter-exchange"):
                yield self.found(app, name, f"{' and '.join(limits)} delete messages", origin)
            if "redis" in app.brokers:
                what = f"Redis ignores {' and '.join(limits)}: the queue is unbounded"
                yield self.found(app, name, what, origin, severity=Severity.MEDIUM)
