"""A task that fails, or is too slow, is put back for ever."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import DEFAULT, Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._redelivery import limited
from harness.rules._words import by_origin, several


class FailureRequeued(Rule):
    """A failed or timed out task is not acknowledged, and nothing counts how often it comes back.

    By `acks_on_failure_or_timeout = False`, or by `acks_on_failure` or `acks_on_timeout` (5.7). A quorum
    queue with `x-delivery-limit`, or one with a dead letter exchange, ends it.
    """

    id = "ACK002"
    severity = Severity.HIGH
    why = "The same failure runs at full speed for ever; on Redis and on classic queues there is no count."
    mend = "Leave it on, or give the task a quorum queue with x-delivery-limit and a dead letter exchange."
    source = "celery/worker/request.py: on_failure, on_timeout; celery#9596, celery#10128"
    proof = "scenarios/rules/test_redelivery.py::test_a_failure_that_is_not_acknowledged_runs_for_ever"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for option in ("acks_on_failure_or_timeout", "acks_on_failure", "acks_on_timeout"):
            tasks = [
                task
                for task in app.tasks
                if app.option(task, "acks_late").value
                and app.option(task, option).value is False
                and not limited(app, task)
            ]
            for origin, found in by_origin(app, tasks, option).items():
                if DEFAULT in origin:
                    continue  # filled from acks_on_failure_or_timeout (celery/app/task.py, bind)
                what = f"{option} is off for {several(found)}, and nothing limits the deliveries"
                yield self.found(app, option, what, origin)
