"""A scheduler of which any number may run and one schedules."""

from __future__ import annotations

import logging
import uuid
from typing import Any

import redis
from celery.beat import PersistentScheduler

from core import coordination

logger = logging.getLogger(__name__)

LEASE_S = 60.0
PAUSE_S = 10.0


class SingleScheduler(PersistentScheduler):
    """Sends tasks only while it holds the lease; a second beat waits, and takes over within a minute."""

    max_interval = PAUSE_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._token = uuid.uuid4().hex
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due, if this is the one; returns the seconds until the next look."""
        if not self._leads():
            return PAUSE_S
        return min(super().tick(*args, **kwargs), PAUSE_S)

    def _leads(self) -> bool:
        try:
            return coordination.take_lease("beat", owner=self._token, life_s=LEASE_S)
        except redis.RedisError:
            logger.warning("beat waits for Redis", exc_info=True)
            return False

    def close(self) -> None:
        """Give the lease back, so that another takes over at once."""
        try:
            coordination.release_lock("beat", owner=self._token)
        except redis.RedisError:
            logger.warning("lease not given back, it expires", exc_info=True)
        super().close()
