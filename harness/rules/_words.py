"""Names that several rules know, and how they are told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from harness.configuration import Configuration

OF_A_TASK = {
    "task_default_retry_delay": "default_retry_delay",
    "task_retry_delay": "default_retry_delay",
    "task_max_retry_delay": "retry_backoff_max",
    "task_retry_backoff_max": "retry_backoff_max",
    "task_retry_backoff": "retry_backoff",
    "task_retry_jitter": "retry_jitter",
    "task_default_max_retries": "max_retries",
    "task_max_retries": "max_retries",
    "task_autoretry_for": "autoretry_for",
    "task_default_autoretry_for": "autoretry_for",
}
"""What people write as settings and Celery has as options of a task only (celery/app/task.py)."""

DEAD_LETTERS = re.compile(
    r"(^|[._-])(dlq|dlx|dead([._-]?letters?)?|failed|failures?)($|[._-])", re.IGNORECASE
)
"""Names of queues that people give to what has failed for good."""

NO_WORKERS = "no contract says how production starts workers ([workers] in contract.toml)"
"""What a rule on workers says where it cannot tell."""

_SHOWN = 3


def several(names: Iterable[str]) -> str:
    """``a, b, c and 4 more``."""
    listed = sorted(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more


def by_origin(app: Configuration, tasks: Iterable[str], option: str) -> Mapping[str, Sequence[str]]:
    """Tasks by the line that gives them an option: one line is mended once, however many tasks it has."""
    found: dict[str, list[str]] = {}
    for task in tasks:
        found.setdefault(app.option(task, option).origin, []).append(task)
    return found


def seconds(value: object) -> float | None:
    """A number of seconds; None for what is none, zero included: it limits nothing."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    return None
