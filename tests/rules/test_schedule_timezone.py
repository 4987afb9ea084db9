"""Times of day in no zone are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
from celery.schedules import crontab
app.conf.beat_schedule = {'daily': {'task': 'shop.pay', 'schedule': crontab(hour=3, minute=0)}}
"""

GOOD = [
    """
from celery.schedules import crontab
app.conf.beat_schedule = {'daily': {'task': 'shop.pay', 'schedule': crontab(hour=3, minute=0)}}
app.conf.timezone = 'Europe/Berlin'
""",
    "app.conf.beat_schedule = {'often': {'task': 'shop.pay', 'schedule': 60}}\n",
]


def test_an_hour_of_the_day_in_utc(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("SCH003", "timezone", f"shop.py:{FIRST + 1}")


@pytest.mark.parametrize("app", GOOD)
def test_a_zone_or_no_hour(lint: Lint, app: str) -> None:
    assert lint(app) == []
