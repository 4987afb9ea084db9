"""A soft time limit that never strikes."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import seconds


class SoftLimitLate(Rule):
    """A task's soft time limit is not below its hard one.

    Of high severity where it is above it: Celery 5.5 and newer refuse to send the task.
    """

    id = "TIM002"
    severity = Severity.MEDIUM
    why = (
        "The process is killed before the task hears of it, without cleaning up; or delay() raises "
        "ValueError."
    )
    mend = "Set the soft limit some seconds below the hard one."
    source = (
        "celery/app/task.py: apply_async compares the two; billiard/pool.py: TimeoutHandler.handle_timeouts"
    )
    proof = "scenarios/rules/test_limits.py::test_a_soft_limit_above_the_hard_one_never_strikes"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for task in app.tasks:
            soft, hard = app.option(task, "soft_time_limit"), app.option(task, "time_limit")
            soft_s, hard_s = seconds(soft.value), seconds(hard.value)
            if soft_s is not None and hard_s is not None and soft_s >= hard_s:
                refused = soft_s > hard_s and app.celery >= (5, 5)
                what = f"soft_time_limit {soft_s:g} s, time_limit {hard_s:g} s" + (
                    ": it cannot be sent" if refused else ""
                )
                yield self.found(
                    app, task, what, soft.origin, severity=Severity.HIGH if refused else self.severity
                )
