"""Schedules of tasks that are not there are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
app.conf.beat_schedule = {'nightly': {'task': 'shop.pya', 'schedule': 60}}

@app.task
def pay(): ...
"""

GOOD = [
    """
app.conf.beat_schedule = {'nightly': {'task': 'shop.pay', 'schedule': 60}}

@app.task
def pay(): ...
""",
    "app.conf.beat_schedule = {'clean': {'task': 'celery.backend_cleanup', 'schedule': 60}}\n",
]


def test_a_mistyped_name(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("SCH001", "nightly", f"shop.py:{FIRST}")


@pytest.mark.parametrize("app", GOOD)
def test_a_task_that_is_there(lint: Lint, app: str) -> None:
    assert lint(app) == []
