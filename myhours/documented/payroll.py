"""Payroll tasks as documented: plain bodies, with the retries left to settings that are not read."""

from typing import Any

from celery import shared_task


@shared_task(name="payroll.tasks.calculate_payroll")
def calculate_payroll(employee_id: int, month: str) -> dict[str, Any]:
    """Add up what an employee earned in a month."""
    from core.models import Employee
    from payroll.models import Payroll
    from worktime.models import WorkDay

    employee = Employee.objects.get(pk=employee_id)
    days = WorkDay.objects.filter(employee=employee, day__startswith=month)
    minutes = sum(day.minutes for day in days)
    gross_cents = minutes * employee.hourly_wage_cents // 60
    Payroll.objects.update_or_create(
        employee=employee, month=month, defaults={"minutes": minutes, "gross_cents": gross_cents}
    )
    return {"employee_id": employee_id, "month": month, "minutes": minutes, "gross_cents": gross_cents}


@shared_task(name="payroll.tasks.process_salary_payment")
def process_salary_payment(employee_id: int, month: str, amount_cents: int) -> dict[str, Any]:
    """Pay a salary."""
    from payroll.models import SalaryPayment

    payment = SalaryPayment.objects.create(employee_id=employee_id, month=month, amount_cents=amount_cents)
    return {"payment_id": payment.pk}
