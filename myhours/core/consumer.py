"""A consumer that keeps what it cannot read, and outlives a broker that goes away."""

import logging
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer

from core import dead_letters

logger = logging.getLogger(__name__)


class Consumer(CeleryConsumer):
    """Celery's consumer with two repairs (`worker_consumer` in `myhours/configuration.py`)."""

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Called instead of running the task; files a dead letter, for Celery sends no signal."""
        dead_letters.bury(dead_letters.from_message(message, exc, reason="undecodable"))
        super().on_decode_error(message, exc)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Called before connecting again.

        Celery 5.7 closes the lost connection first. kombu's Redis channel then gives back what it
        holds, through a transport that has no client any more (`_connparams` in
        kombu/transport/redis.py), and that error would end the worker. The messages are not lost:
        Redis has them, and gives them back after the visibility timeout.
        """
        try:
            super().on_connection_error_after_connected(exc)
        except AttributeError:
            logger.warning("the lost connection could not be closed, going on", exc_info=True)
