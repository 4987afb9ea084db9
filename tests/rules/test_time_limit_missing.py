"""Tasks without a hard limit are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import Lint

BAD = """
@app.task(soft_time_limit=5)
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
    "\n",
]


def test_none_at_all(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("TIM005", "task_time_limit", "shop.py:5")


@pytest.mark.parametrize("app", GOOD)
def test_by_setting_or_option(lint: Lint, app: str) -> None:
    assert lint(app) == []
