"""Tasks that run in the caller."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class TasksEager(Rule):
    """task_always_eager is on: nothing is published, and no worker does any work.

    Without `task_eager_propagates` the errors of tasks are swallowed besides.
    """

    id = "OPS007"
    severity = Severity.HIGH
    why = "A web request does the work that it meant to hand over; nothing is retried, limited or kept."
    mend = "Set it in the settings of tests only."
    source = "celery/app/task.py: apply_async, apply; docs: task_always_eager"
    proof = "scenarios/rules/test_publishing.py::test_an_eager_task_is_never_published"

    def check(self, app: Configuration) -> Iterator[Finding]:
        setting = app.conf("task_always_eager")
        if setting.value:
            swallowed = "" if app.value("task_eager_propagates") else ", and their errors are swallowed"
            what = f"every task runs in the process that sends it{swallowed}"
            yield self.found(app, "task_always_eager", what, setting.origin)
