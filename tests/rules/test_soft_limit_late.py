"""Soft limits that never strike are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
@app.task(soft_time_limit=10, time_limit=10)
def pay(): ...
"""

GOOD = [
    """
@app.task(soft_time_limit=9, time_limit=10)
def pay(): ...
""",
    """
@app.task(soft_time_limit=9)
def pay(): ...
""",
]


def test_not_below_the_hard_one(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("TIM002", "shop.pay", f"shop.py:{FIRST}")


@pytest.mark.parametrize("app", GOOD)
def test_below_it_or_alone(lint: Lint, app: str) -> None:
    assert lint(app) == []


@pytest.mark.parametrize(("celery", "severity"), [("5.7.0", "high"), ("5.4.0", "medium")])
def test_above_the_hard_one_it_cannot_be_sent(lint: Lint, celery: str, severity: str) -> None:
    app = "@app.task(soft_time_limit=11, time_limit=10)\ndef pay(): ...\n"
    assert [each.severity for each in lint(app, versions={"celery": celery})] == [severity]
