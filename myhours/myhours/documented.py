"""The app as a typical configuration document has it: every claim is here, and most of them do nothing.

It is kept as documented so that ``celery-harness verify -A myhours.documented:app`` can say what
each claim is worth. Only what a lost line break had pushed into a comment is back in its place. Do
not copy from this file; copy from `myhours.celery`.
"""

import logging
import os

from celery import Celery
from django.core.mail import send_mail
from kombu import Exchange, Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myhours.documented_settings")

logger = logging.getLogger(__name__)

app = Celery("myhours")
app.config_from_object("django.conf:settings", namespace="CELERY")

app.conf.update(
    # Claim: retries back off exponentially, with jitter.
    task_default_retry_delay=60,
    task_max_retry_delay=3600,
    task_retry_jitter=True,
    task_default_max_retries=3,
    # Claim: payroll retries more and sooner, integrations less and later.
    task_annotations={
        "payroll.tasks.*": {
            "retry_policy": {
                "max_retries": 5,
                "interval_start": 30,
                "interval_step": 30,
                "interval_max": 300,
            },
        },
        "integrations.tasks.*": {
            "retry_policy": {"max_retries": 2, "interval_start": 300, "interval_max": 1800},
        },
    },
    # Claim: four tiers by priority, 9 first.
    task_routes={
        "payroll.tasks.calculate_payroll": {"queue": "critical", "priority": 9},
        "payroll.tasks.process_salary_payment": {"queue": "critical", "priority": 9},
        "biometrics.tasks.process_face_recognition": {"queue": "high", "priority": 7},
        "worktime.tasks.process_time_tracking": {"queue": "high", "priority": 7},
        "integrations.tasks.sync_holidays": {"queue": "normal", "priority": 5},
        "core.tasks.generate_reports": {"queue": "low", "priority": 2},
    },
    task_queues=(
        Queue(
            "critical",
            Exchange("critical", type="direct"),
            routing_key="critical.*",
            queue_arguments={"x-max-priority": 10},
        ),
        Queue(
            "high",
            Exchange("high", type="direct"),
            routing_key="high.*",
            queue_arguments={"x-max-priority": 8},
        ),
        Queue(
            "normal",
            Exchange("normal", type="direct"),
            routing_key="normal.*",
            queue_arguments={"x-max-priority": 5},
        ),
        Queue(
            "low", Exchange("low", type="direct"), routing_key="low.*", queue_arguments={"x-max-priority": 2}
        ),
        # Claim: failed tasks are kept here for a day.
        Queue(
            "failed",
            Exchange("failed", type="direct"),
            routing_key="failed.*",
            queue_arguments={"x-message-ttl": 86_400_000, "x-max-length": 10_000},
        ),
    ),
    # Claim: results are kept for an hour, compressed.
    result_backend=os.environ.get("CELERY_RESULT_BACKEND", "redis://localhost:6379/1"),
    result_backend_transport_options={"retry_policy": {"timeout": 5.0}},
    result_expires=3600,
    result_compression="gzip",
    result_serializer="json",
    # Claim: everything can be watched.
    worker_send_task_events=True,
    task_send_sent_event=True,
    task_track_started=True,
    task_ignore_result=False,
)
app.conf.imports = (
    "documented.payroll",
    "documented.biometrics",
    "documented.worktime",
    "documented.integrations",
    "documented.core",
)


@app.task(bind=True, name="handle_failed_task")
def handle_failed_task(self, task_id, error, traceback):
    """Claim: called when a task has used up its retries. Nothing calls it."""
    logger.error("Task %s failed after all retries. Error: %s", task_id, error)
    app.send_task(
        "core.tasks.process_dead_letter", args=[task_id, str(error), traceback], queue="failed", retry=False
    )
    if any(critical in task_id for critical in ["payroll", "payment"]):
        send_mail(
            subject=f"CRITICAL: Payroll Task Failed - {task_id}",
            message=f"Critical task {task_id} failed after all retries.",
            recipient_list=["admin@myhours.com"],
        )
