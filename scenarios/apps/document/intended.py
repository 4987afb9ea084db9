"""`myhours.celery`, with the questions that the client is asked; nothing of the app is changed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "myhours"))

from myhours.celery import app  # noqa: F401 - what -A names

from questions import *  # noqa: F403 - what the client is asked


def pay_and_roll_back(month):
    """A web request that sends salaries and then fails."""
    from django.db import transaction
    from payroll.services import pay_month

    try:
        with transaction.atomic():
            sent = pay_month(month)
            raise RuntimeError("the request fails")
    except RuntimeError:
        return sent
