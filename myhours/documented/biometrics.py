"""Biometrics as documented."""

from typing import Any

from celery import shared_task


@shared_task(name="biometrics.tasks.process_face_recognition")
def process_face_recognition(employee_id: int, capture: str) -> dict[str, Any]:
    """Compare a capture with an employee's template."""
    from biometrics.models import FaceCheck
    from core.models import Employee

    employee = Employee.objects.get(pk=employee_id)
    distance = (int(capture, 16) ^ int(employee.face_template, 16)).bit_count()
    FaceCheck.objects.update_or_create(
        employee=employee, capture=capture, defaults={"distance": distance, "matches": distance <= 10}
    )
    return {"employee_id": employee_id, "distance": distance}
