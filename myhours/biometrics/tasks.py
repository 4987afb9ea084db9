"""Face recognition, in the high tier."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from biometrics.models import FaceCheck
from core.models import Employee

MOST_BITS_THAT_DIFFER = 10


@shared_task
def process_face_recognition(employee_id: int, capture: str) -> dict[str, Any]:
    """Compare a capture (64-bit perceptual hash, hexadecimal) with an employee's template."""
    employee = Employee.objects.get(pk=employee_id)
    distance = (int(capture, 16) ^ int(employee.face_template, 16)).bit_count()
    matches = distance <= MOST_BITS_THAT_DIFFER
    FaceCheck.objects.update_or_create(
        employee=employee, capture=capture, defaults={"distance": distance, "matches": matches}
    )
    return {"employee_id": employee_id, "distance": distance, "matches": matches}
