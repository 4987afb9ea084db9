"""Workers that reserve more than they run."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import seconds, several


class PrefetchReserves(Rule):
    """worker_prefetch_multiplier is not 1 where tasks are acknowledged late or may run long.

    A worker reserves multiplier times children messages, 4 each by default. With `acks_late` all of them
    are redelivered when it is lost; on Redis the visibility timeout of the waiting ones runs already. Of
    low severity where no task is acknowledged late.
    """

    id = "PRI004"
    severity = Severity.MEDIUM
    why = "Tasks wait behind a long one while other workers are idle, and are run twice after a loss."
    mend = "Set worker_prefetch_multiplier = 1 (and worker_disable_prefetch on Redis, Celery 5.6 and newer)."
    source = "celery/worker/consumer/consumer.py: prefetch_multiplier; docs: Optimizing, prefetch limits"
    proof = "scenarios/rules/test_priorities.py::test_a_reserved_task_waits_behind_a_long_one"

    def check(self, app: Configuration) -> Iterator[Finding]:
        setting = app.conf("worker_prefetch_multiplier")
        multiplier = setting.value
        if multiplier == 1 or app.value("worker_disable_prefetch") or not isinstance(multiplier, int):
            return
        late = [task for task in app.tasks if app.option(task, "acks_late").value]
        limited = [task for task in app.tasks if seconds(app.option(task, "time_limit").value)]
        if not late and not limited:
            return
        reserved = f"{multiplier} messages for each child" if multiplier else "all messages that there are"
        told = f"{several(late)} acknowledge late" if late else f"{several(limited)} may run long"
        severity = self.severity if late else Severity.LOW
        yield self.found(
            app,
            "worker_prefetch_multiplier",
            f"it reserves {reserved}; {told}",
            setting.origin,
            severity=severity,
        )
