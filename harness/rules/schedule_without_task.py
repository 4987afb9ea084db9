"""A scheduled task that does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class ScheduleWithoutTask(Rule):
    """An entry of beat_schedule names a task that the app does not have.

    Beat publishes the name; the worker that gets it logs KeyError and throws the message away.
    """

    id = "SCH001"
    severity = Severity.HIGH
    why = "The job never runs, every time on time."
    mend = "Correct the name, or import the module that has the task."
    source = (
        "celery/beat.py: Scheduler.apply_async, send_task; celery/worker/consumer/consumer.py: "
        "on_unknown_task"
    )
    proof = "scenarios/rules/test_publishing.py::test_a_name_that_no_worker_has_is_thrown_away"

    def check(self, app: Configuration) -> Iterator[Finding]:
        known = set(app.settings.get("tasks") or ())
        for entry in app.settings.get("schedule") or ():
            task = str(entry.get("task"))
            if task not in known and not task.startswith("celery."):
                near = get_close_matches(task, known, n=1)
                hint = f"; perhaps {near[0]} was meant" if near else ""
                yield self.found(
                    app, str(entry["name"]), f"the app has no task {task}{hint}", str(entry["origin"])
                )
