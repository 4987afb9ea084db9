"""A task that is retried for ever."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._retries import cap, retries


class RetryUnbounded(Rule):
    """A task that retries has max_retries=None: it is never given up.

    A *missing* max_retries is no finding: Celery's default is 3, not "unbounded" as some linters
    say (celery-audit's CEL008). Only None, in the task, its base class, an annotation or
    retry_kwargs, has no end.
    """

    id = "RTY003"
    severity = Severity.HIGH
    why = "A failure that does not pass is tried for ever; the backlog grows, and nobody hears of it."
    mend = "Give it a finite max_retries, and a place to go when they are used up."
    source = "celery/app/task.py: Task.max_retries = 3, and Task.retry, which compares only if it is not None"
    proof = "scenarios/rules/test_retries.py::test_retries_without_a_bound_do_not_end"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for task in app.tasks:
            if not retries(app, task):
                continue
            limit = cap(app, task)
            if limit.value is None and limit.origin:
                yield self.found(app, task, "max_retries is None, so its retries never end", limit.origin)
