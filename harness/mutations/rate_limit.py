"""See `RateLimit`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from harness.mutation import Mutant, Mutation, Target, is_number


class RateLimit(Mutation):
    """A rate limit of Celery's is gone, or ten times as high, for the app or for one task."""

    def mutants(self, target: Target) -> Iterator[Mutant]:
        default = target.conf("task_default_rate_limit")
        limited = [task for task in target.tasks if target.option(task, "rate_limit")]
        if limited and not target.conf("worker_disable_rate_limits"):
            yield self.of_conf(target, "worker_disable_rate_limits", after=True)
        for after in (None, tenfold(default)) if default else ():
            yield self.of_conf(target, "task_default_rate_limit", after)
        for task in limited:
            for after in (None, tenfold(target.option(task, "rate_limit"))):
                yield self.of_task(target, task, "rate_limit", after)


def tenfold(rate: Any) -> Any:
    """``200/m`` becomes ``2000/m``."""
    if is_number(rate):
        return rate * 10
    return re.sub(r"^[\d.]+", lambda found: f"{float(found[0]) * 10:g}", str(rate))
