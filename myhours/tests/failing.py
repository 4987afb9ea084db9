"""A task that fails as it is told."""

from __future__ import annotations

import smtplib

from celery import shared_task
from celery.exceptions import Reject, SoftTimeLimitExceeded
from django.db import OperationalError

ERRORS: dict[str, Exception] = {
    "disk": OSError(28, "No space left on device"),
    "mail": smtplib.SMTPServerDisconnected("gone"),
    "database": OperationalError("gone"),
    "connection": ConnectionResetError("gone"),
    "bug": KeyError("month"),
    "soft limit": SoftTimeLimitExceeded(),
    "rejected": Reject("never", requeue=False),
}


@shared_task(name="payroll.tasks.failing")
def failing(error: str) -> None:
    """A critical task that fails as it is told."""
    raise ERRORS[error]
