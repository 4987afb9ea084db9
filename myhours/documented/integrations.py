"""Holidays, as documented."""

from typing import Any

from celery import shared_task


@shared_task(name="integrations.tasks.sync_holidays")
def sync_holidays(country: str = "DE", year: int = 2026) -> dict[str, Any]:
    """Copy the public holidays of a year."""
    import holidays

    from integrations.models import Holiday

    found = holidays.country_holidays(country, years=year)
    for day, name in found.items():
        Holiday.objects.update_or_create(country=country, day=day, defaults={"name": name})
    return {"country": country, "year": year, "holidays": len(found)}
