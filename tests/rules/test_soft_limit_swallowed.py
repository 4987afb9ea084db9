"""Soft limits that a broad except swallows are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    (
        """
@app.task(soft_time_limit=9)
def pay():
    try:
        print()
    except Exception:
        print("never mind")
""",
        "shop.pay",
        f"shop.py:{FIRST + 4}",
    ),
    (
        """
@app.task(soft_time_limit=9, bind=True)
def pay(self):
    try:
        print()
    except:
        raise self.retry()
""",
        "shop.pay",
        f"shop.py:{FIRST + 4}",
    ),
]
GOOD = [
    """
@app.task(soft_time_limit=9)
def pay():
    try:
        print()
    except SoftTimeLimitExceeded:
        raise
    except Exception:
        print("never mind")
""",
    """
@app.task(soft_time_limit=9)
def pay():
    try:
        print()
    except Exception:
        print("oh")
        raise
""",
    """
@app.task(soft_time_limit=9)
def pay():
    try:
        print()
    except OSError:
        print("never mind")
""",
    """
@app.task
def pay():
    try:
        print()
    except Exception:
        print("never mind")
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_it_goes_on_or_retries(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("TIM003", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_it_is_let_through(lint: Lint, app: str) -> None:
    assert lint(app) == []
