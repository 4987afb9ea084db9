"""Schedules that pile up are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = "app.conf.beat_schedule = {'often': {'task': 'shop.pay', 'schedule': 60}}\n"

GOOD = [
    "app.conf.beat_schedule = {'often': {'task': 'shop.pay', 'schedule': 60, 'options': {'expires': 50}}}\n",
    """
app.conf.beat_schedule = {'often': {'task': 'shop.pay', 'schedule': 60}}

@app.task(expires=50)
def pay(): ...
""",
]


def test_no_expires(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("SCH004", "often", f"shop.py:{FIRST}")


@pytest.mark.parametrize("app", GOOD)
def test_by_entry_or_by_task(lint: Lint, app: str) -> None:
    assert lint(app) == []
