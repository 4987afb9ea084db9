"""What hears of a failed task."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from harness.configuration import Configuration
from harness.sources import Function, keyword, last_name


def hooks(app: Configuration) -> set[str]:
    """``task_failure``, ``on_failure``, ``link_error``, ``exchange``: what of these the app has."""
    found = set()
    if (app.settings.get("signals") or {}).get("task_failure"):
        found.add("task_failure")
    if any("on_failure" in (app.task(task).get("overrides") or {}) for task in app.tasks):
        found.add("on_failure")
    if next(errbacks(app), None) is not None:
        found.add("link_error")
    dead = any((queue.get("arguments") or {}).get("x-dead-letter-exchange") for queue in app.queues.values())
    if dead and "rabbitmq" in app.brokers:
        found.add("exchange")
    return found


def errbacks(app: Configuration) -> Iterator[tuple[str, ast.Call, str]]:
    """Each ``link_error=handler.s()``, ``.link_error(...)`` or ``.on_error(...)``: file, call, handler."""
    for file, call in app.callers.calls(
        "apply_async", "send_task", "signature", "set", "link_error", "on_error"
    ):
        given = call.args[0] if last_name(call.func) in ("link_error", "on_error") and call.args else None
        value = given or keyword(call, "link_error")
        for each in value.elts if isinstance(value, ast.List | ast.Tuple) else (value,):
            if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
                yield file, call, "" if each.func.attr == "si" or each.args else last_name(each.func.value)
            elif each is not None:
                yield file, call, ""


def takes_failure(function: Function) -> bool:
    """Whether a function can be called with the task's id, or with request, exception and traceback."""
    arguments = function.args
    most = len(arguments.posonlyargs) + len(arguments.args)
    least = most - len(arguments.defaults)
    wanted = 1 if most <= 1 else 3  # celery/backends/base.py: more than one makes it the new style
    return least <= wanted and (most >= wanted or arguments.vararg is not None)
