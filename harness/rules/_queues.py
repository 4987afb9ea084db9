"""Which queues an app names, and where."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from harness.configuration import Configuration
from harness.sources import keyword


def uses(app: Configuration) -> Iterator[tuple[str, str, str]]:
    """Each queue with who names it and where: tasks by route or decorator, calls by their ``queue=``."""
    for task in app.tasks:
        described = app.task(task)
        queue, origin = described.get("queue"), str(described.get("queue_origin", ""))
        if isinstance(queue, str) and not origin.startswith("task_default_queue"):
            yield queue, task, origin
    for file, call in app.callers.calls("apply_async", "send_task", "set", "signature"):
        value = keyword(call, "queue")
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value, "a call", f"{file}:{call.lineno}"
