"""A scheduled task that may still run when it is due again."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import seconds


class ScheduleOverlaps(Rule):
    """An entry of beat_schedule comes again before the task's time limit is over.

    No finding where the task's class replaces `__call__`, as one that excludes equal tasks does.
    """

    id = "SCH002"
    severity = Severity.MEDIUM
    why = "A slow run is joined by the next one, which works on the same data at the same time."
    mend = "Lengthen the period, shorten the limit, or lock."
    source = "docs: Periodic tasks: ensure that only one runs at a time"
    unshown = "a run starts no beat; the schedule is judged as the app has it"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for entry in app.settings.get("schedule") or ():
            task, period_s = str(entry.get("task")), entry.get("every_s")
            if task not in app.tasks or not isinstance(period_s, int | float):
                continue
            limit_s = seconds(app.option(task, "time_limit").value) or 0.0
            if limit_s >= period_s and "__call__" not in (app.task(task).get("overrides") or {}):
                what = f"every {period_s:g} s; {task} may run {limit_s:g} s"
                yield self.found(app, str(entry["name"]), what, str(entry["origin"]))
