"""Which failures a task retries, as far as its classes and the source of its function tell."""

from __future__ import annotations

import ast
import builtins
import inspect
import smtplib
import sqlite3
import sys
from collections.abc import Mapping
from typing import Any

from harness.probe.inspect_plain import plain
from harness.probe.inspect_source import Function, Module


def failure_classes() -> dict[str, type[BaseException]]:
    """What each failure class of a contract raises in this process (see `harness.contract`)."""
    django = sys.modules.get("django.db")
    return {
        "filesystem": OSError,
        "mail": smtplib.SMTPException,
        "database": getattr(django, "OperationalError", sqlite3.OperationalError),
        "programming": TypeError,
    }


def covered(retried: Any, spared: Any, classes: Mapping[str, type[BaseException]]) -> list[str]:
    """The failure classes that these exception classes catch."""
    return [name for name, kind in classes.items() if _catches(retried, kind) and not _catches(spared, kind)]


def retry_calls(
    function: Any, module: Module | None, tree: Function | None, classes: Mapping[str, type[BaseException]]
) -> list[dict[str, Any]]:
    """The ``.retry(...)`` calls in a task's own function, with keywords and what the handlers catch."""
    if tree is None or module is None:
        return []
    handlers = [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]
    names = getattr(function, "__globals__", {})
    calls = []
    for node in ast.walk(tree):
        if not (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "retry"
        ):
            continue
        around = [h for h in handlers if h.lineno <= node.lineno <= (h.end_lineno or h.lineno)]
        caught = _resolved(around[-1].type, names) if around else ()
        keywords = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        calls.append({
            "at": module.at(node),
            "max_retries": _constant(keywords.get("max_retries")),
            "countdown": _constant(keywords.get("countdown")),
            "countdown_source": ast.unparse(keywords["countdown"])[:200] if "countdown" in keywords else None,
            "catches": covered(caught, (), classes),
        })  # fmt: skip
    return calls


def function_of(task: Any) -> Any:
    """A task's own function, below what Celery and the app have wrapped around it."""
    function: Any = getattr(task, "_orig_run", None) or getattr(task, "run", None)
    try:
        function = inspect.unwrap(function)
    except ValueError:  # a cycle of wrappers
        return None
    return getattr(function, "__func__", function)


def _catches(kinds: Any, kind: type[BaseException]) -> bool:
    listed = kinds if isinstance(kinds, tuple | list) else (kinds,)
    return any(isinstance(item, type) and issubclass(kind, item) for item in listed)


def _resolved(expression: ast.expr | None, names: Mapping[str, Any]) -> tuple[Any, ...]:
    """The classes that an ``except`` clause names, looked up in the function's module, no code is run."""
    if expression is None:
        return (BaseException,)
    if isinstance(expression, ast.Tuple):
        return tuple(kind for item in expression.elts for kind in _resolved(item, names))
    if isinstance(expression, ast.Name):
        return (names.get(expression.id, getattr(builtins, expression.id, None)),)
    if isinstance(expression, ast.Attribute):
        (owner,) = _resolved(expression.value, names)[:1] or (None,)
        return (vars(owner).get(expression.attr),) if hasattr(owner, "__dict__") else ()
    return ()


def _constant(expression: ast.expr | None) -> Any:
    return plain(expression.value) if isinstance(expression, ast.Constant) else None
