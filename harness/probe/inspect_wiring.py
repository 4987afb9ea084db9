"""What an app has connected and planned: signal receivers, and the entries of its beat schedule."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from celery import signals

from harness.probe.inspect_plain import plain, shown
from harness.probe.inspect_project import Project

SIGNALS = (
    "task_failure", "task_internal_error", "task_revoked", "task_unknown", "task_rejected", "task_retry",
    "task_postrun", "setup_logging", "after_setup_logger", "after_setup_task_logger", "worker_init",
)  # fmt: skip
"""The signals whose receivers tell what an app does when a task fails, and who configures logging."""


def receivers(project: Project) -> dict[str, list[dict[str, Any]]]:
    """The app's own receivers of each signal: name, file and line; those of packages with no line."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name in SIGNALS:
        for receiver in _receivers(getattr(signals, name, None)):
            module = str(getattr(receiver, "__module__", "") or "")
            if module.startswith(("celery.", "harness.")):
                continue
            code = getattr(getattr(receiver, "__func__", receiver), "__code__", None)
            where = project.function(code)
            found.setdefault(name, []).append({
                "name": str(getattr(receiver, "__qualname__", module)),
                "file": where[0].file if where else "",
                "line": code.co_firstlineno if where and code else 0,
            })  # fmt: skip
    return found


def _receivers(signal: Any) -> Iterator[Any]:
    for _, receiver in list(getattr(signal, "receivers", None) or ()):
        alive = receiver() if isinstance(receiver, weakref.ReferenceType) else receiver
        if alive is not None:
            yield alive


def schedule(app: Any, project: Project) -> list[dict[str, Any]]:
    """Each entry of ``beat_schedule``; `every_s` is its period, for a crontab the shortest that it can be.

    Period and options are null where they cannot be told (a solar schedule, one of the app's own).
    """
    entries = app.conf.get("beat_schedule")
    found = []
    for name, entry in entries.items() if hasattr(entries, "items") else ():
        described = dict(entry) if hasattr(entry, "keys") else {}
        where = project.dict_key(str(name))
        found.append({
            "name": shown(name) if not isinstance(name, str) else name,
            "task": plain(described.get("task")),
            "every_s": _period_s(described.get("schedule")),
            "crontab": type(described.get("schedule")).__name__ == "crontab",
            "timed": _timed(described.get("schedule")),
            "options": plain(described.get("options") or {}),
            "origin": where or "beat_schedule",
        })  # fmt: skip
    return found


def _period_s(when: Any) -> float | None:
    """Seconds between two runs: a number, a timedelta, or Celery's schedule or crontab of either."""
    if isinstance(when, int | float) and not isinstance(when, bool):
        return float(when)
    every: Any = when if hasattr(when, "total_seconds") else getattr(when, "run_every", None)
    if every is not None and hasattr(every, "total_seconds"):
        return float(every.total_seconds())
    minutes: list[int] = sorted(getattr(when, "minute", None) or ())
    hours: list[int] = sorted(getattr(when, "hour", None) or ())
    if not minutes or not hours:
        return None
    if len(minutes) > 1:
        gaps = [after - before for before, after in pairwise(minutes)]
        return 60.0 * min(*gaps, 60 - minutes[-1] + minutes[0])
    if len(hours) > 1:
        gaps = [after - before for before, after in pairwise(hours)]
        return 3600.0 * min(*gaps, 24 - hours[-1] + hours[0])
    return 86400.0


def _timed(when: Any) -> bool:
    """Whether the hour of the day decides: a crontab that does not run every hour."""
    return len(getattr(when, "hour", None) or range(24)) < 24
