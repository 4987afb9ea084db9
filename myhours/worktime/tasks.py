"""Hours worked, in the high tier."""

from __future__ import annotations

from datetime import date
from typing import Any

from celery import shared_task

from worktime.models import TimeEntry, WorkDay


@shared_task
def process_time_tracking(employee_id: int, day: str) -> dict[str, Any]:
    """Add up the minutes that an employee clocked on a day (``YYYY-MM-DD``)."""
    date_of_day = date.fromisoformat(day)
    entries = TimeEntry.objects.filter(employee_id=employee_id, started_at__date=date_of_day)
    minutes = sum(int((entry.ended_at - entry.started_at).total_seconds()) // 60 for entry in entries)
    WorkDay.objects.update_or_create(employee_id=employee_id, day=date_of_day, defaults={"minutes": minutes})
    return {"employee_id": employee_id, "day": day, "minutes": minutes}
