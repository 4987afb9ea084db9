"""What the web part of myhours asks of payroll."""

from django.db import transaction

from payroll.models import Payroll, SalaryPayment
from payroll.tasks import process_salary_payment


def pay_month(month: str) -> int:
    """Send a payment for every payroll of a month that is not paid; returns how many were sent.

    They are sent after the transaction commits, so no worker looks for rows that are not there yet.
    Where publishing fails the caller sees the error, and calling again sends what is still unpaid.
    """
    with transaction.atomic():
        paid = SalaryPayment.objects.filter(month=month).values("employee_id")
        unpaid = Payroll.objects.filter(month=month).exclude(employee_id__in=paid)
        for payroll in unpaid:
            process_salary_payment.delay_on_commit(payroll.employee_id, month, payroll.gross_cents)
    return len(unpaid)
