"""Tasks of no department: reports, logs, dead letters."""

from __future__ import annotations

import csv
import os
import time
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from core import alerts, dead_letters
from core.models import DeadLetter
from myhours import policy
from payroll.models import Payroll


@shared_task(deduplicate=True)
def generate_reports(year: int | None = None, month: int | None = None) -> dict[str, Any]:
    """Write the payroll report of a month, by default the last; returns its path and number of rows."""
    if year is None or month is None:
        last = timezone.now().replace(day=1) - timedelta(days=1)
        year, month = last.year, last.month
    rows = (
        Payroll.objects.filter(month=f"{year:04}-{month:02}")
        .select_related("employee")
        .order_by("employee_id")
    )
    settings.REPORTS_DIR.mkdir(parents=True, exist_ok=True)
    path = settings.REPORTS_DIR / f"payroll-{year:04}-{month:02}.csv"
    draft = path.with_suffix(f".{os.getpid()}")
    count = 0
    with draft.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["employee", "name", "minutes", "gross_cents"])
        for count, row in enumerate(rows.iterator(), start=1):
            writer.writerow([row.employee_id, row.employee.name, row.minutes, row.gross_cents])
    draft.replace(path)
    return {"path": str(path), "rows": count}


@shared_task
def cleanup_old_logs(keep_days: int = 30) -> dict[str, Any]:
    """Remove log files that nobody has written to for `keep_days` days; returns how many."""
    settings.LOGS_DIR.mkdir(parents=True, exist_ok=True)
    oldest_kept = time.time() - keep_days * 24 * 3600
    removed = 0
    for path in settings.LOGS_DIR.glob("*.log*"):
        try:
            if path.stat().st_mtime < oldest_kept:
                path.unlink()
                removed += 1
        except FileNotFoundError:
            continue  # removed by an earlier attempt, or by log rotation
    return {"status": "completed", "removed": removed}


@shared_task
def process_dead_letter(original_task_id: str, error_message: str, traceback_info: str) -> dict[str, Any]:
    """Take note of a dead letter, and file it if another service reports one that is not here yet."""
    letters = DeadLetter.objects.filter(task_id=original_task_id)
    if not letters.exists():
        dead_letters.file(
            dead_letters.Letter(
                original_task_id, "", error_message, "reported", traceback=traceback_info, attempts=0
            )
        )
    now = timezone.now()
    letters.filter(processed_at=None).update(processed_at=now)
    return {"original_task_id": original_task_id, "processed_at": now.isoformat()}


@shared_task(deduplicate=True)
def alert_admins(task_id: str) -> dict[str, Any]:
    """Mail the admins about one dead letter, once."""
    return {"sent": alerts.send_once(task_id)}


@shared_task(deduplicate=True)
def watch_dead_letters() -> dict[str, Any]:
    """Send alerts that could not be published in time, and warn of letters that have become old."""
    now = timezone.now()
    owed = DeadLetter.objects.filter(alerted_at=None, created_at__lt=now - timedelta(minutes=10))
    names = [letter for letter in owed.only("task_id", "name") if policy.tier_of(letter.name).alerts]
    for letter in names:
        alert_admins.delay(letter.task_id)
    limit = now - timedelta(days=settings.DEAD_LETTER_RETENTION_DAYS)
    old = list(DeadLetter.objects.filter(created_at__lt=limit, retention_alerted_at=None)[:1000])
    if old and settings.CELERY_ADMIN_EMAILS:
        alerts.warn_of_retention(old)
    return {"alerts": len(names), "old": len(old)}
