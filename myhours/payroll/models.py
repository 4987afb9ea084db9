"""What an employee earns and what was paid."""

from django.db import models


class Payroll(models.Model):
    """What one employee earned in one month."""

    employee = models.ForeignKey("core.Employee", on_delete=models.PROTECT)
    month = models.CharField(max_length=7, help_text="YYYY-MM")
    minutes = models.PositiveIntegerField()
    gross_cents = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=("employee", "month"), name="one_payroll_a_month")]


class SalaryPayment(models.Model):
    """Money that left the company; the unique key is why it leaves once."""

    employee = models.ForeignKey("core.Employee", on_delete=models.PROTECT)
    month = models.CharField(max_length=7, help_text="YYYY-MM")
    amount_cents = models.PositiveIntegerField()
    paid_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=("employee", "month"), name="one_payment_a_month")]
