"""A Django project that sends its mails by tasks."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
app = Celery("post", broker="redis://localhost:6379/0", backend="redis://localhost:6379/1")
app.conf.update(task_default_queue="mails", broker_connection_retry_on_startup=True)
app.autodiscover_tasks(["djcelery_email"], force=True)
