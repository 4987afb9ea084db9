"""Data from elsewhere, in the background tier."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.utils import timezone

from integrations.models import Holiday


@shared_task
def sync_holidays(country: str = "DE", year: int | None = None) -> dict[str, Any]:
    """Copy the public holidays of a year (this one by default)."""
    import holidays  # slow to import, and only this task needs it

    year = year or timezone.now().year
    found = holidays.country_holidays(country, years=year)
    for day, name in found.items():
        Holiday.objects.update_or_create(country=country, day=day, defaults={"name": name})
    return {"country": country, "year": year, "holidays": len(found)}
