"""A scheduled task that piles up while workers are away."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class ScheduleWithoutExpiry(Rule):
    """An entry of beat_schedule has no expires."""

    id = "SCH004"
    severity = Severity.LOW
    why = "After an outage of the workers each missed time runs, one after the other."
    mend = "Give the entry options = {'expires': ...} of about its period."
    source = "celery/beat.py: ScheduleEntry.options; docs: Calling tasks, expiration"
    unshown = "a run starts no beat; the schedule is judged as the app has it"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for entry in app.settings.get("schedule") or ():
            options = entry.get("options")
            task = str(entry.get("task"))
            expires = task in app.tasks and app.option(task, "expires").value
            if isinstance(options, dict) and "expires" not in options and not expires:
                yield self.found(app, str(entry["name"]), "it has no expires", str(entry["origin"]))
