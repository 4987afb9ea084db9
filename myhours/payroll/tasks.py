"""Salaries, in the critical tier."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from celery import shared_task
from django.db.models import Sum

from core.models import Employee
from payroll.models import Payroll, SalaryPayment
from worktime.models import WorkDay


@shared_task(deduplicate=True)
def calculate_payroll(employee_id: int, month: str) -> dict[str, Any]:
    """Add up what an employee earned in a month (``YYYY-MM``); returns minutes and cents."""
    year, number = _parse(month)
    employee = Employee.objects.get(pk=employee_id)
    days = WorkDay.objects.filter(employee=employee, day__year=year, day__month=number)
    minutes = days.aggregate(total=Sum("minutes"))["total"] or 0
    gross_cents = minutes * employee.hourly_wage_cents // 60
    Payroll.objects.update_or_create(
        employee=employee, month=month, defaults={"minutes": minutes, "gross_cents": gross_cents}
    )
    return {"employee_id": employee_id, "month": month, "minutes": minutes, "gross_cents": gross_cents}


@shared_task(deduplicate=True)
def process_salary_payment(employee_id: int, month: str, amount_cents: int) -> dict[str, Any]:
    """Pay a salary; says so if it was paid before, and refuses a different amount for the same month."""
    _parse(month)
    payment, paid_now = SalaryPayment.objects.get_or_create(
        employee_id=employee_id, month=month, defaults={"amount_cents": amount_cents}
    )
    if payment.amount_cents != amount_cents:
        raise ValueError(
            f"{month} was paid to employee {employee_id} with {payment.amount_cents}, not {amount_cents}"
        )
    return {"payment_id": payment.pk, "paid_now": paid_now}


def _parse(month: str) -> tuple[int, int]:
    moment = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    return moment.year, moment.month
