"""A consumer that keeps what it cannot read."""

from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer

from core import dead_letters


class Consumer(CeleryConsumer):
    """Files a dead letter for a body that cannot be decoded; Celery logs it and sends no signal."""

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Called instead of running the task."""
        dead_letters.bury(dead_letters.from_message(message, exc, reason="undecodable"))
        super().on_decode_error(message, exc)
