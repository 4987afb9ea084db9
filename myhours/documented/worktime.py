"""Hours worked, as documented."""

from typing import Any

from celery import shared_task


@shared_task(name="worktime.tasks.process_time_tracking")
def process_time_tracking(employee_id: int, day: str) -> dict[str, Any]:
    """Add up the minutes that an employee clocked on a day."""
    from worktime.models import TimeEntry, WorkDay

    entries = TimeEntry.objects.filter(employee_id=employee_id, started_at__date=day)
    minutes = sum(int((entry.ended_at - entry.started_at).total_seconds()) // 60 for entry in entries)
    WorkDay.objects.update_or_create(employee_id=employee_id, day=day, defaults={"minutes": minutes})
    return {"employee_id": employee_id, "day": day, "minutes": minutes}
