"""A task that may run for ever."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import several


class TimeLimitMissing(Rule):
    """No hard time limit applies to a task.

    A soft limit alone is a request: a call into C, or a broad except, ignores it.
    """

    id = "TIM005"
    severity = Severity.MEDIUM
    why = "A call that hangs holds a child for ever; a few of them, and the worker is idle with a full queue."
    mend = "Set task_time_limit, and task_soft_time_limit below it."
    source = "celery/app/defaults.py: task_time_limit is None; billiard/pool.py: TimeoutHandler"
    proof = "scenarios/rules/test_limits.py::test_without_a_limit_a_task_that_hangs_holds_its_child"

    def check(self, app: Configuration) -> Iterator[Finding]:
        tasks = [task for task in app.tasks if app.option(task, "time_limit").value is None]
        if tasks:
            what = f"no hard limit for {several(tasks)}"
            yield self.found(app, "task_time_limit", what, app.conf("task_time_limit").origin)
