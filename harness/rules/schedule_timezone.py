"""A time of day in no zone."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import several


class ScheduleTimezone(Rule):
    """beat_schedule has a crontab for hours of the day, and timezone is not set: the hours are of UTC."""

    id = "SCH003"
    severity = Severity.MEDIUM
    why = "The nightly job runs by day, and an hour off in summer."
    mend = "Set timezone to the zone that the schedule was written for."
    source = "celery/app/base.py: Celery.timezone; docs: Periodic tasks, time zones"
    unshown = "a run starts no beat; the schedule is judged as the app has it"

    def check(self, app: Configuration) -> Iterator[Finding]:
        timed = [str(entry["name"]) for entry in app.settings.get("schedule") or () if entry.get("timed")]
        if timed and not app.value("timezone"):
            what = f"timezone is not set; hours of the day in {several(timed)}"
            yield self.found(app, "timezone", what, app.conf("beat_schedule").origin)
