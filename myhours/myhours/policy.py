"""The promises of each tier, stated once; everything else that needs a number derives it here.

A value comes from `myhours.settings` or from the environment variable ``MYHOURS_<TIER>_<FIELD>``
(``MYHOURS_CRITICAL_MAX_RETRIES=2``).
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase

from django.conf import settings

BACKOFF_FACTOR = 2
"""Each retry waits twice as long as the one before it, up to the tier's cap."""

JITTER_SPREAD = 0.5
"""A delay `d` becomes one between d/2 and d: retries spread out, and none starts at once."""

RUNS_BEFORE_BRAKE = int(os.environ.get("MYHOURS_RUNS_BEFORE_BRAKE", "3"))
"""Runs of a task that takes its process down each time, before it is dead-lettered instead."""


@dataclass(frozen=True, slots=True)
class Tier:
    """One class of tasks: its queue bears its name, and workers of its own consume that queue."""

    name: str
    tasks: tuple[str, ...]
    max_retries: int
    retry_delay_s: int
    retry_delay_max_s: int
    soft_s: int
    hard_s: int
    rate_per_minute: int
    alerts: bool = False

    def nominal_delay_s(self, retries: int) -> int:
        """Delay after `retries` retries (0 before the first), in seconds, before jitter."""
        return min(self.retry_delay_max_s, self.retry_delay_s * BACKOFF_FACTOR**retries)

    def delay_s(self, retries: int) -> float:
        """The delay to use: between half the nominal delay and all of it."""
        nominal = self.nominal_delay_s(retries)
        if not settings.CELERY_TASK_RETRY_JITTER:
            return nominal
        return nominal * random.uniform(1 - JITTER_SPREAD, 1)

    @property
    def delays_s(self) -> tuple[int, ...]:
        """The nominal delays of all retries."""
        return tuple(self.nominal_delay_s(retries) for retries in range(self.max_retries))

    @property
    def held_s(self) -> int:
        """Longest time for which a worker holds one message unacknowledged.

        Workers hold a delayed message from the moment they receive it: through its delay, a wait
        for a free child (one run of another task), and its own run.
        """
        return max(self.delays_s, default=0) + 2 * self.hard_s

    @property
    def lock_s(self) -> int:
        """Longest life of a deduplication lock: all runs, the delays between them, one lost worker."""
        return sum(self.delays_s) + (self.max_retries + 1) * self.hard_s + visibility_timeout_s()


def _tiers() -> tuple[Tier, ...]:
    retries, delay_s = settings.CELERY_TASK_DEFAULT_MAX_RETRIES, settings.CELERY_TASK_DEFAULT_RETRY_DELAY
    cap_s = settings.CELERY_TASK_MAX_RETRY_DELAY
    soft_s, hard_s = settings.CELERY_TASK_SOFT_TIME_LIMIT, settings.CELERY_TASK_TIME_LIMIT
    return tuple(
        _from_environment(tier)
        for tier in (
            Tier("critical", ("payroll.tasks.*",), 5, 30, 300, 540, 600, 200, alerts=True),
            Tier("high", ("biometrics.tasks.*", "worktime.tasks.*"), 3, delay_s, cap_s, 100, 120, 120),
            Tier("background", ("integrations.tasks.*",), 2, 300, 1800, 780, 900, 30),
            Tier("low", ("core.tasks.generate_reports",), retries, delay_s, cap_s, soft_s, hard_s, 20),
            Tier("normal", ("*",), retries, delay_s, cap_s, soft_s, hard_s, 100),
        )
    )


def _from_environment(tier: Tier) -> Tier:
    changes = {}
    for field in fields(Tier):
        value = os.environ.get(f"MYHOURS_{tier.name}_{field.name}".upper())
        if value is not None and field.type in {"int", "bool"}:
            changes[field.name] = int(value)
    return replace(tier, **changes)


TIERS = _tiers()
"""In the order in which they are matched; the last one matches every task."""

DEFAULT = TIERS[-1]


def tier_of(task: str) -> Tier:
    """The tier of a task, by its name."""
    return next(tier for tier in TIERS if any(fnmatchcase(task, glob) for glob in tier.tasks))


def visibility_timeout_s() -> int:
    """Seconds after which Redis delivers an unacknowledged message again.

    It is one number for all queues of a broker (``kombu/transport/redis.py`` sweeps one index), so
    it is the longest holding time of any tier and a minute for clocks that differ. RabbitMQ
    redelivers at once, but needs the same number as its ``consumer_timeout``.
    """
    return max(tier.held_s for tier in TIERS) + 60


def redelivered_within_s() -> int:
    """Seconds after which the message of a killed worker is delivered again, at the latest.

    Redis: the visibility timeout, and the pause between two sweeps, which is 100 seconds where kombu does not
    know `unacked_restore_throttle` (`kombu/transport/redis.py`). RabbitMQ: a few seconds.
    """
    return visibility_timeout_s() + 110
