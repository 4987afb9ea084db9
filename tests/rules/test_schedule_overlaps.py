"""Schedules that come again too soon are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    (
        """
app.conf.beat_schedule = {'often': {'task': 'shop.pay', 'schedule': 60}}

@app.task(time_limit=60)
def pay(): ...
""",
        "often",
        f"shop.py:{FIRST}",
    ),
    (
        """
from celery.schedules import crontab
app.conf.beat_schedule = {'often': {'task': 'shop.pay', 'schedule': crontab(minute='*/5')}}

@app.task(time_limit=600)
def pay(): ...
""",
        "often",
        f"shop.py:{FIRST + 1}",
    ),
]
GOOD = [
    """
app.conf.beat_schedule = {'often': {'task': 'shop.pay', 'schedule': 61}}

@app.task(time_limit=60)
def pay(): ...
""",
    """
from celery.schedules import crontab
app.conf.beat_schedule = {'daily': {'task': 'shop.pay', 'schedule': crontab(hour=3, minute=0)}}

@app.task(time_limit=600)
def pay(): ...
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_sooner_than_the_limit(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("SCH002", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_later_than_the_limit(lint: Lint, app: str) -> None:
    assert lint(app) == []
