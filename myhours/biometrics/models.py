"""Faces seen by a terminal."""

from django.db import models


class FaceCheck(models.Model):
    """One picture compared with the face of the employee it claims to show."""

    employee = models.ForeignKey("core.Employee", on_delete=models.CASCADE)
    capture = models.CharField(max_length=16, help_text="perceptual hash, 64 bits in hexadecimal")
    distance = models.PositiveSmallIntegerField(help_text="bits that differ from the template")
    matches = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=("employee", "capture"), name="one_check_a_capture")]
