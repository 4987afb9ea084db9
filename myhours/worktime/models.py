"""Clocked intervals and the days they add up to."""

from django.db import models


class TimeEntry(models.Model):
    """From clocking in to clocking out."""

    employee = models.ForeignKey("core.Employee", on_delete=models.CASCADE)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=("employee", "started_at"), name="one_entry_at_a_time")]


class WorkDay(models.Model):
    """Minutes worked by one employee on one day."""

    employee = models.ForeignKey("core.Employee", on_delete=models.CASCADE)
    day = models.DateField()
    minutes = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=("employee", "day"), name="one_row_a_day")]
