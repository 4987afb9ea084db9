"""Retries that come at the same moment are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    (
        """
@app.task(autoretry_for=(OSError,))
def pay(): ...
""",
        "shop.pay",
        f"shop.py:{FIRST}",
    ),
    (
        """
@app.task(autoretry_for=(OSError,), retry_backoff=5,
          retry_jitter=False)
def pay(): ...
""",
        "shop.pay",
        f"shop.py:{FIRST + 1}",
    ),
]
GOOD = [
    """
@app.task(autoretry_for=(OSError,), retry_backoff=True)
def pay(): ...
""",
    """
@app.task
def pay(): ...
""",
    """
from celery import Task

class Base(Task):
    autoretry_for = (OSError,)

    def retry(self, *args, **kwargs):
        return super().retry(*args, **{**kwargs, "countdown": 7})

@app.task(base=Base)
def pay(): ...
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_a_fixed_rhythm_or_no_jitter(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("RTY002", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_backoff_with_jitter_or_a_countdown_of_its_own(lint: Lint, app: str) -> None:
    assert lint(app) == []
