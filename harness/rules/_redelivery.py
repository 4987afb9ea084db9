"""What ends the deliveries of one message."""

from __future__ import annotations

from harness.configuration import Configuration


def limited(app: Configuration, task: str) -> bool:
    """Whether the broker counts: RabbitMQ alone, a quorum queue, and a delivery limit (RabbitMQ docs)."""
    arguments = (app.queues.get(str(app.task(task).get("queue"))) or {}).get("arguments") or {}
    counted = arguments.get("x-queue-type") == "quorum" and "x-delivery-limit" in arguments
    return app.brokers == {"rabbitmq"} and counted
