"""What the tasks do, and what they log."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path
from typing import Any

from django.db import transaction
from django.test import SimpleTestCase

from core.logs import JsonFormatter
from core.tasks import cleanup_old_logs, generate_reports
from integrations.tasks import sync_holidays
from payroll.models import SalaryPayment
from payroll.services import pay_month
from payroll.tasks import calculate_payroll
from tests.failing import failing
from tests.in_process import InProcessTestCase


class Bodies(InProcessTestCase):
    """What the tasks themselves do."""

    def test_a_month_is_calculated_reported_and_paid(self) -> None:
        """Eight hours at 25 euros; published when the transaction has committed, not before."""
        calculate_payroll.delay(1, "2026-01")
        self.run_all("critical")
        generate_reports.delay(2026, 1)
        report = self.run_all("low")[0].outcome
        self.assertIn("1,Employee 1,480,20000", Path(report["path"]).read_text(encoding="utf-8"))
        with transaction.atomic():
            self.assertEqual(pay_month("2026-01"), 1)
            self.assertEqual(self.run_all("critical"), [])
        self.assertEqual(len(self.run_all("critical")), 1)
        self.assertEqual(SalaryPayment.objects.get().amount_cents, 20_000)
        self.assertEqual(pay_month("2026-01"), 0)

    def test_old_logs_go_and_new_ones_stay(self) -> None:
        """By the time they were last written to."""
        folder = self.folder / "LOGS_DIR"
        folder.mkdir()
        for name, age_s in (("old.log", 40 * 86_400), ("new.log", 0)):
            (folder / name).touch()
            os.utime(folder / name, times=(time.time() - age_s,) * 2)
        cleanup_old_logs.delay()
        self.assertEqual(self.run_all("normal")[0].outcome["removed"], 1)
        self.assertEqual([path.name for path in folder.iterdir()], ["new.log"])

    def test_holidays_need_no_network(self) -> None:
        """Twice gives the same rows."""
        for _ in range(2):
            sync_holidays.delay("DE", 2026)
        first, second = (run.outcome["holidays"] for run in self.run_all("background"))
        self.assertEqual(first, second)


class Logs(SimpleTestCase):
    """What a log line carries."""

    def test_a_line_is_json_and_names_the_task(self) -> None:
        """With the names that searches use, whatever Celery called them."""
        record = logging.LogRecord("celery", logging.INFO, "", 0, "Task %s received", ("x",), None)
        record.data = {"id": "one", "name": failing.name}
        line: dict[str, Any] = json.loads(JsonFormatter().format(record))
        self.assertEqual((line["task_id"], line["task"], line["level"]), ("one", failing.name, "info"))
