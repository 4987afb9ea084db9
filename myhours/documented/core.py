"""Reports, logs and dead letters, as documented."""

import csv
import logging
import time
from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

logger = logging.getLogger(__name__)


@shared_task(name="core.tasks.generate_reports")
def generate_reports(year: int = 2026, month: int = 1) -> dict[str, Any]:
    """Write the payroll report of a month."""
    from payroll.models import Payroll

    rows = Payroll.objects.filter(month=f"{year:04}-{month:02}")
    settings.REPORTS_DIR.mkdir(parents=True, exist_ok=True)
    path = settings.REPORTS_DIR / f"payroll-{year:04}-{month:02}.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([row.employee_id, row.minutes, row.gross_cents] for row in rows)
    return {"path": str(path), "rows": len(rows)}


@shared_task(bind=True, max_retries=3, default_retry_delay=60, name="core.tasks.cleanup_old_logs")
def cleanup_old_logs(self, keep_days: int = 30):
    """Remove old log files; the one task of the document that retries."""
    try:
        settings.LOGS_DIR.mkdir(parents=True, exist_ok=True)
        for path in settings.LOGS_DIR.glob("*.log*"):
            if path.stat().st_mtime < time.time() - keep_days * 24 * 3600:
                path.unlink()
        return {"status": "completed"}
    except Exception as exc:
        raise self.retry(exc=exc, countdown=min(300, 60 * (2**self.request.retries)))


@shared_task(bind=True, max_retries=1, name="core.tasks.process_dead_letter", queue="failed")
def process_dead_letter(self, original_task_id, error_message, traceback_info):
    """Claim: keeps a failed task for review. What it keeps is a result that lives for an hour."""
    logger.critical("Processing dead letter task: %s", original_task_id)
    return {"original_task_id": original_task_id, "processed_at": timezone.now().isoformat()}
