"""A soft time limit that the task swallows."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import seconds
from harness.sources import last_name, names_in


class SoftLimitSwallowed(Rule):
    """A task with a soft time limit catches every Exception around its work, and goes on.

    `SoftTimeLimitExceeded` is an Exception. A handler for it before the broad one, or a `raise` in that
    one, lets it through; `self.retry()` there runs the slow task again.
    """

    id = "TIM003"
    severity = Severity.MEDIUM
    why = (
        "The task ignores its limit and works until the hard one kills it, or reports success for half "
        "the work."
    )
    mend = "Write except SoftTimeLimitExceeded: raise before the broad clause."
    source = "celery/exceptions.py: SoftTimeLimitExceeded; celery#6873"
    proof = "scenarios/rules/test_limits.py::test_a_broad_except_swallows_the_soft_limit"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for task, function in app.functions():
            if not seconds(app.option(task, "soft_time_limit").value):
                continue
            file = str(app.task(task).get("file"))
            for node in ast.walk(function):
                handler = _swallowing(node) if isinstance(node, ast.Try) else None
                if handler is not None:
                    clause = ast.unparse(handler.type) if handler.type else ""
                    what = f"'except {clause}'".replace(" '", "'") + " takes SoftTimeLimitExceeded"
                    again = any(
                        isinstance(e, ast.Call) and last_name(e.func) == "retry" for e in ast.walk(handler)
                    )
                    yield self.found(
                        app,
                        task,
                        what + (" and retries" if again else " and goes on"),
                        f"{file}:{handler.lineno}",
                    )


def _swallowing(node: ast.Try) -> ast.ExceptHandler | None:
    """The first clause that takes the limit and does not raise it again; None where one lets it through."""
    for handler in node.handlers:
        caught = names_in(handler.type) if handler.type else {"BaseException"}
        if caught & {"SoftTimeLimitExceeded", "TimeLimitExceeded"}:
            return None
        if caught & {"Exception", "BaseException"}:
            raised = [each for each in ast.walk(handler) if isinstance(each, ast.Raise)]
            through = [each for each in raised if not _retries(each)]
            return None if through else handler
    return None


def _retries(node: ast.Raise) -> bool:
    return isinstance(node.exc, ast.Call) and last_name(node.exc.func) == "retry"
