"""Limits of zero are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
app.conf.task_time_limit = 60
@app.task(time_limit=0)
def pay(): ...
"""

GOOD = [
    """
app.conf.task_time_limit = 60
@app.task
def pay(): ...
""",
    """
@app.task(time_limit=5)
def pay(): ...
""",
]


def test_zero_is_no_limit(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("TIM004", "shop.pay", f"shop.py:{FIRST + 1}")


@pytest.mark.parametrize("app", GOOD)
def test_none_takes_the_setting(lint: Lint, app: str) -> None:
    assert lint(app) == []
