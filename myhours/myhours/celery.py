"""The Celery app: ``celery -A myhours worker -Q critical -n critical@%h``."""

import os

from core.app import TierApp

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myhours.settings")

app = TierApp("myhours", task_cls="core.task:TierTask")
app.config_from_object("myhours.configuration")
app.autodiscover_tasks()

import core.logs  # noqa: E402 - connects the signal that keeps the worker's hands off the logging
import core.receivers  # noqa: E402, F401 - connects the signals that catch every kind of final failure
