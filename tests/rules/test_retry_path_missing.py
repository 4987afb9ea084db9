"""Tasks that nobody tries again are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
@app.task
def pay(): ...
"""

GOOD = [
    """
@app.task(autoretry_for=(OSError,))
def pay(): ...
""",
    """
@app.task(bind=True)
def pay(self):
    raise self.retry()
""",
    """
from celery import Task

class Base(Task):
    autoretry_for = (OSError,)

@app.task(base=Base)
def pay(): ...
""",
]


def test_one_failure_is_final(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("RTY001", "shop.pay", f"shop.py:{FIRST}")
    assert finding.severity == "medium"


@pytest.mark.parametrize("app", GOOD)
def test_either_way_of_retrying(lint: Lint, app: str) -> None:
    assert lint(app) == []


def test_a_promise_of_the_contract_makes_it_high(lint: Lint) -> None:
    tier = '[tiers.all]\ntasks = ["*"]\n[tiers.all.retry]\non = ["mail"]\n'
    (finding,) = lint(BAD, contract=tier)
    assert finding.severity == "high"
    assert "tier all" in finding.what
