"""The kind of Celery app that this project has: a retry that is published stands."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded

logger = logging.getLogger(__name__)


class TierApp(Celery):
    """Celery stores RETRY after it has published the retry (`celery/app/trace.py`, ``handle_retry``).

    A result backend that takes so long that the soft limit strikes meanwhile would make the task FAILURE
    as well: it would leave a dead letter, and run again.
    """

    def _get_backend(self) -> Any:
        backend = super()._get_backend()
        backend.mark_as_retry = partial(retry_stands, backend.mark_as_retry)
        return backend


def retry_stands(store: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Store the state, unless the soft limit comes first."""
    try:
        return store(*args, **options)
    except SoftTimeLimitExceeded:
        logger.warning("retry not stored", exc_info=True)
