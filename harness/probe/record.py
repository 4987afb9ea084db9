"""Appends events to one file: one `write` an event, so that SIGKILL loses nothing.

The kernel has the line once `write` returns, whatever happens to the process then, and puts lines of
several processes one after the other (``O_APPEND``, ``write(2)``). Nothing travels through the broker
under test.
"""

from __future__ import annotations

import functools
import json
import os
import time
from pathlib import Path
from typing import Any

TEXT_LIMIT = 2_000
"""Characters of one text that are kept."""


PROC = "CELERY_HARNESS_PROC"
"""Names the folder in which a process of a container sees the ``/proc`` of the machine outside."""


def own_pid() -> int:
    """The number of this process as the harness knows it, also in a container with numbers of its own.

    The link ``self`` of a mounted proc gives the number in that mount's namespace (``fs/proc/self.c``).
    """
    outside = _outside()
    return int(Path(outside, "self").readlink().name) if outside else os.getpid()


@functools.cache
def _outside() -> str | None:
    """Where the machine outside can be seen; it stays what it was when the process began."""
    return os.environ.get(PROC)


class Recorder:
    """Appends events of this process and of those forked from it."""

    def __init__(self, path: Path, role: str) -> None:
        self.role = role
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @property
    def source(self) -> str:
        """Role and process id, as events carry it: ``child:critical:4711``."""
        return f"{self.role}:{own_pid()}"

    def become(self, role: str) -> None:
        """Take another role, in a process that was forked (worker to child)."""
        self.role = role

    def write(self, kind: str, task_id: str | None = None, task: str | None = None, **data: Any) -> None:
        """Record one event, now."""
        event = {"mono_ns": time.monotonic_ns(), "kind": kind, "source": self.source}
        if task_id is not None:
            event["task_id"] = str(task_id)
        if task is not None:
            event["task"] = str(task)
        if data:
            event["data"] = data
        line = json.dumps(event, default=bounded) + "\n"
        os.write(self._descriptor, line.encode("utf-8", "backslashreplace"))


def bounded(value: object) -> str:
    """A text for anything, never an exception, never longer than `TEXT_LIMIT`."""
    try:
        text = repr(value)
    except Exception as error:  # a hostile __repr__ must not end the task
        text = f"<{type(value).__name__}: repr raised {type(error).__name__}>"
    return text if len(text) <= TEXT_LIMIT else text[:TEXT_LIMIT] + "..."


def plain(value: Any) -> Any:
    """The value itself where JSON can say it in bounds, else its bounded text."""
    if value is None or type(value) in (bool, int) or (type(value) is str and len(value) <= TEXT_LIMIT // 2):
        return value  # it is, without looking: a character takes six at most
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return bounded(value)
    return value if len(text) <= 4 * TEXT_LIMIT else bounded(value)
