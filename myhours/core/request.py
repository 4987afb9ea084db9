"""A request that knows what its worker did to it."""

from typing import Any

from billiard.exceptions import TimeLimitExceeded
from celery.worker import state
from celery.worker.request import Request as CeleryRequest


class Request(CeleryRequest):
    """Files a dead letter when the hard time limit ends a task.

    Celery before 5.7 sends no `task_failure` for it, 5.7 sends it twice.
    """

    def on_timeout(self, soft: bool, timeout: float) -> None:  # noqa: FBT001 - Celery's signature
        """Called in the parent process, which has just killed the child."""
        if not soft and not state.should_terminate:
            from core import dead_letters

            error = TimeLimitExceeded(timeout)
            dead_letters.bury(dead_letters.from_context(self._context, self.name, error, reason="time limit"))
        super().on_timeout(soft, timeout)
