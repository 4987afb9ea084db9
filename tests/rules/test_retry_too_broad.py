"""Retries of mistakes in the program are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    (
        """
@app.task(autoretry_for=(Exception,))
def pay(): ...
""",
        "shop.pay",
        f"shop.py:{FIRST}",
    ),
    (
        """
@app.task(bind=True)
def pay(self):
    try:
        print()
    except Exception as error:
        raise self.retry(exc=error)
""",
        "shop.pay",
        f"shop.py:{FIRST + 5}",
    ),
]
GOOD = [
    """
@app.task(autoretry_for=(OSError,))
def pay(): ...
""",
    """
@app.task(autoretry_for=(Exception,), dont_autoretry_for=(TypeError,))
def pay(): ...
""",
    """
@app.task(bind=True)
def pay(self):
    try:
        print()
    except OSError as error:
        raise self.retry(exc=error)
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_every_exception_is_retried(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("RTY004", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_failures_that_pass(lint: Lint, app: str) -> None:
    assert lint(app) == []
