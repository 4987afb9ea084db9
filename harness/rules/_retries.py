"""How a task comes to be tried again, and how long it waits, as several rules ask it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from harness.configuration import Configuration
from harness.settings import Setting


def retries(app: Configuration, task: str) -> bool:
    """Whether a task is tried again after some failure: by autoretry, or by a call of its own."""
    return autoretries(app, task) or bool(app.option(task, "calls_retry").value)


def autoretries(app: Configuration, task: str) -> bool:
    """Whether Celery itself tries it again (celery/app/autoretry.py)."""
    return bool(app.option(task, "autoretry_for").value)


def own_retry(app: Configuration, task: str) -> str:
    """The app's own ``retry`` of the task's class, which may wait as it likes; empty where there is none."""
    return str((app.task(task).get("overrides") or {}).get("retry", ""))


def cap(app: Configuration, task: str) -> Setting:
    """How often a task is retried at most: ``retry_kwargs`` before ``max_retries``; None is without end."""
    kwargs = app.option(task, "retry_kwargs")
    if isinstance(kwargs.value, Mapping) and "max_retries" in kwargs.value:
        return Setting(kwargs.value["max_retries"], kwargs.origin)
    return app.option(task, "max_retries")


def waits(app: Configuration, task: str) -> Iterator[tuple[float, str]]:
    """The longest wait before a retry, in seconds, with its origin; one for each way of retrying.

    A countdown whose expression is more than arithmetic on ``self.request.retries`` is left out.
    """
    number = cap(app, task).value
    last = number if isinstance(number, int) and number >= 0 else 50
    if last == 0 or own_retry(app, task):
        return
    default = app.option(task, "default_retry_delay")
    if autoretries(app, task):
        yield _autoretry(app, task, last)
    for call in app.task(task).get("retry_calls") or ():
        expression = call.get("countdown_source")
        if expression is None and isinstance(default.value, int | float):
            yield float(default.value), default.origin
        longest = max((_value(str(expression), n) or 0.0 for n in range(last)), default=0.0)
        if expression is not None and longest:
            yield longest, f"countdown in {call['at']}"


def _autoretry(app: Configuration, task: str, last: int) -> tuple[float, str]:
    backoff = app.option(task, "retry_backoff")
    if not backoff.value or not isinstance(backoff.value, int | float):
        delay = app.option(task, "default_retry_delay")
        return float(delay.value or 0), delay.origin
    longest = app.option(task, "retry_backoff_max")
    most = float(longest.value) if isinstance(longest.value, int | float) else 600.0
    reached = float(max(1, backoff.value)) * 2.0 ** min(last - 1, 60)
    return (most, longest.origin) if reached >= most else (reached, backoff.origin)


def _value(expression: str, number: int) -> float | None:
    """The value of an arithmetic expression at a retry, counted from 0; None where it is anything else."""
    try:
        return _number(ast.parse(expression, mode="eval").body, number)
    except (SyntaxError, ArithmeticError, ValueError, KeyError, TypeError):
        return None


_OPERATIONS = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Pow: lambda a, b: a ** min(b, 64.0),
}
_FUNCTIONS = {"min": min, "max": max, "int": int, "float": float}


def _number(node: ast.expr, number: int) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.Attribute) and ast.unparse(node).endswith("request.retries"):
        return float(number)
    if isinstance(node, ast.BinOp):
        return float(
            _OPERATIONS[type(node.op)](_number(node.left, number), _number(node.right, number))  # type: ignore[no-untyped-call]
        )
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        return float(_FUNCTIONS[node.func.id](*(_number(each, number) for each in node.args)))  # type: ignore[operator]
    raise ValueError
