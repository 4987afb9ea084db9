"""Rows that example arguments refer to."""

from datetime import UTC, datetime, timedelta

EMPLOYEES = 1000


def example_data() -> None:
    """Create employees 1 to 1000 and a clocked day for each, where they are not there yet."""
    from core.models import Employee
    from worktime.models import TimeEntry, WorkDay

    start = datetime(2026, 1, 5, 8, tzinfo=UTC)
    numbers = range(1, EMPLOYEES + 1)
    Employee.objects.bulk_create(
        [
            Employee(
                pk=number, name=f"Employee {number}", hourly_wage_cents=2500, face_template=f"{number:016x}"
            )
            for number in numbers
        ],
        ignore_conflicts=True,
    )
    TimeEntry.objects.bulk_create(
        [
            TimeEntry(employee_id=number, started_at=start, ended_at=start + timedelta(hours=8))
            for number in numbers
        ],
        ignore_conflicts=True,
    )
    WorkDay.objects.bulk_create(
        [WorkDay(employee_id=number, day=start.date(), minutes=480) for number in numbers],
        ignore_conflicts=True,
    )
