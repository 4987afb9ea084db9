"""A link_error that cannot be called."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._failures import errbacks, takes_failure


class ErrbackSignature(Rule):
    """A link_error is a bound task, or takes neither (task_id) nor (request, exc, traceback).

    Celery calls a task of three arguments in the worker's own process, with the request, the exception and
    the traceback. A bound one looks like a task of the old style, and is published with the task's id
    alone.
    """

    id = "DLQ002"
    severity = Severity.HIGH
    why = (
        "The handler raises TypeError, so the dead letter is never written; a solo worker dies of it, "
        "again and again."
    )
    mend = "Write it unbound: def handler(request, exc, traceback), and read request.id and request.task."
    source = "celery/backends/base.py: _call_task_errbacks; celery#3723, celery#9034"
    proof = "scenarios/rules/test_rabbitmq.py::test_a_bound_errback_writes_nothing"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for file, call, target in errbacks(app):
            for task, function in app.functions():
                if function.name != target:
                    continue
                where = f"{file}:{call.lineno}"
                if app.task(task).get("bound"):
                    yield self.found(
                        app, task, "it is bound, so it is published with the task's id alone", where
                    )
                elif not takes_failure(function):
                    told = ", ".join(argument.arg for argument in function.args.args)
                    yield self.found(app, task, f"it takes ({told}), not (request, exc, traceback)", where)
