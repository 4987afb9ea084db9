"""`myhours.settings` with the Celery section as documented: claims, most of which Celery does not read."""

import os

from myhours.settings import *  # noqa: F403 - Django's own idiom for variants of settings

MYHOURS_CELERY_APP = "myhours.documented"

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "redis://localhost:6379/0")
CELERY_RESULT_BACKEND = os.environ.get("CELERY_RESULT_BACKEND", "redis://localhost:6379/1")

CELERY_TASK_DEFAULT_RETRY_DELAY = 60
CELERY_TASK_MAX_RETRY_DELAY = 3600
CELERY_TASK_RETRY_JITTER = True
CELERY_TASK_DEFAULT_MAX_RETRIES = 3

CELERY_ADMIN_EMAILS = os.environ.get("CELERY_ADMIN_EMAILS", "admin@myhours.com,payroll@myhours.com").split(
    ","
)

CELERY_TASK_TIME_LIMIT = 1800
CELERY_TASK_SOFT_TIME_LIMIT = 1500
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True

# The rest of `myhours.settings` belongs to the app that reads it, not to this one.
del CELERY_RESULT_EXPIRES, CELERY_RESULT_FAILURE_EXPIRES  # noqa: F821 - they come with the star
del CELERY_WORKER_MAX_TASKS_PER_CHILD  # noqa: F821 - as above
