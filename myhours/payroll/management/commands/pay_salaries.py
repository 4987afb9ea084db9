"""``manage.py pay_salaries 2026-01``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from payroll.services import pay_month


class Command(BaseCommand):
    """Send the payments of a month."""

    help = "Send a payment for every payroll of a month that is not paid yet. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        """The month."""
        parser.add_argument("month", help="YYYY-MM")

    def handle(self, *_: Any, **options: Any) -> None:
        """Send them."""
        self.stdout.write(f"{pay_month(options['month'])} payments sent")
