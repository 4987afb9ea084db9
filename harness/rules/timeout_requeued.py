"""A task that is too slow is put back for ever."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import DEFAULT, Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._redelivery import limited
from harness.rules._versions import too_new
from harness.rules._words import seconds
from harness.settings import Setting


class TimeoutRequeued(Rule):
    """A task that strikes its hard time limit is put back, and nothing counts how often it comes back.

    By `acks_on_failure_or_timeout = False` (Celery 5.5 and newer), or `acks_on_timeout = False` (5.7), with
    `acks_late`. A quorum queue with `x-delivery-limit` ends it. Failures other than the time limit are
    rejected for good, not put back.
    """

    id = "ACK002"
    severity = Severity.HIGH
    why = "The same slow task runs into its limit for ever, and holds a child all the time."
    mend = (
        "Leave acks_on_timeout on, or give the task a quorum queue with x-delivery-limit and a dead "
        "letter exchange."
    )
    source = "celery/worker/request.py: on_timeout rejects with requeue; celery#9596, celery#10128"
    proof = "scenarios/rules/test_redelivery.py::test_a_task_that_is_too_slow_comes_back_for_ever"

    def check(self, app: Configuration) -> Iterator[Finding]:
        if too_new(app, (5, 5)):  # rejected for good there (celery/worker/request.py, on_failure)
            return
        slow = [
            task
            for task in app.tasks
            if app.option(task, "acks_late").value
            and self._option(app, task)[1].value is False
            and seconds(app.option(task, "time_limit").value)
            and not limited(app, task)
        ]
        for task in slow:
            name, option = self._option(app, task)
            what = f"{name} is off, and nothing limits the deliveries"
            yield self.found(app, task, what, option.origin)

    def _option(self, app: Configuration, task: str) -> tuple[str, Setting]:
        """The option in force: the older one where it fills the newer (celery/app/task.py, bind)."""
        newer = app.option(task, "acks_on_timeout")
        if newer.origin and DEFAULT not in newer.origin:
            return "acks_on_timeout", newer
        return "acks_on_failure_or_timeout", app.option(task, "acks_on_failure_or_timeout")
