"""Employees, and the tasks that failed for good."""

from django.db import models


class Employee(models.Model):
    """Someone who works, clocks in and is paid."""

    name = models.CharField(max_length=100)
    hourly_wage_cents = models.PositiveIntegerField()
    face_template = models.CharField(max_length=16, help_text="perceptual hash, 64 bits in hexadecimal")


class DeadLetter(models.Model):
    """A task that failed for good, with what it takes to see why and to send it again."""

    task_id = models.CharField(max_length=255, unique=True)
    name = models.CharField(max_length=255, blank=True)
    args = models.JSONField(default=list)
    kwargs = models.JSONField(default=dict)
    error = models.TextField()
    traceback = models.TextField(blank=True)
    attempts = models.PositiveIntegerField()
    queue = models.CharField(max_length=255, blank=True)
    reason = models.CharField(max_length=40)
    raw = models.TextField(blank=True, help_text="the message itself, where it could not be understood")
    created_at = models.DateTimeField(auto_now_add=True)
    alerted_at = models.DateTimeField(null=True)
    processed_at = models.DateTimeField(null=True)
    replayed_at = models.DateTimeField(null=True)
    replay_task_id = models.CharField(max_length=255, blank=True)
    retention_alerted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("created_at",)
