"""Copies of data that others own."""

from django.db import models


class Holiday(models.Model):
    """A public holiday."""

    country = models.CharField(max_length=2)
    day = models.DateField()
    name = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=("country", "day"), name="one_holiday_a_day")]
