"""A time limit of zero."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class TimeLimitZero(Rule):
    """A task has a time limit of 0, which is none: the limit of the settings does not apply to it.

    Celery fills in the setting where the option is None only, and 0 limits nothing.
    """

    id = "TIM004"
    severity = Severity.MEDIUM
    why = "It reads as if somebody had thought of a limit, and the task may run for ever."
    mend = "Leave the option out to have the setting's limit, or give a number."
    source = "celery/app/task.py: Task.bind, which replaces None only; billiard/pool.py: if soft_timeout"
    proof = "scenarios/rules/test_limits.py::test_a_limit_of_zero_is_none"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for task in app.tasks:
            for name in ("time_limit", "soft_time_limit"):
                limit = app.option(task, name)
                if limit.value == 0 and limit.value is not False:
                    yield self.found(app, task, f"{name} is 0, which limits nothing", limit.origin)
