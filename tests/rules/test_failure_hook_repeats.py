"""Receivers that act twice for one failure are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
class Letters: ...

@signals.task_failure.connect
def file(task_id=None, **_):
    keep(task_id)

def keep(task_id):
    Letters.objects.create(task_id=task_id)

@app.task(time_limit=5)
def pay(): ...
"""

GOOD = [
    """
class Letters: ...

@signals.task_failure.connect
def file(task_id=None, **_):
    Letters.objects.get_or_create(task_id=task_id)

@app.task(time_limit=5)
def pay(): ...
""",
    """
class Letters: ...

@signals.task_failure.connect
def file(task_id=None, **_):
    Letters.objects.create(task_id=task_id)

@app.task
def pay(): ...
""",
    """
@signals.task_failure.connect
def file(connection=None, **_):
    connection.execute("INSERT INTO letters VALUES (1) ON CONFLICT DO NOTHING")

@app.task(time_limit=5)
def pay(): ...
""",
]


def test_it_creates_a_row_each_time(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("DLQ004", "file", f"shop.py:{FIRST + 2}")


@pytest.mark.parametrize("app", GOOD)
def test_something_makes_it_unique(lint: Lint, app: str) -> None:
    assert lint(app) == []


def test_before_celery_5_7_the_signal_comes_once(lint: Lint) -> None:
    assert lint(BAD, versions={"celery": "5.6.3"}) == []
