"""Publishes that are given up at once are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    ("app.conf.task_publish_retry = False\n", "task_publish_retry", f"shop.py:{FIRST}"),
    (
        """
def sell():
    app.send_task('pay', retry=False)
""",
        "app.send_task",
        f"shop.py:{FIRST + 1}",
    ),
]
GOOD = [
    """
def sell():
    app.send_task('pay')
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_by_setting_or_by_call(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("PUB003", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_left_on(lint: Lint, app: str) -> None:
    assert lint(app) == []
