"""Workers that give the broker up are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    (
        """
@app.task
def pay(): ...
""",
        "broker_connection_max_retries",
        "shop.py:5",
    ),
    ("app.conf.broker_connection_max_retries = 5\n", "broker_connection_max_retries", f"shop.py:{FIRST}"),
]
GOOD = [
    "app.conf.broker_connection_max_retries = None\n",
    "app.conf.broker_connection_max_retries = 0\n",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_a_hundred_attempts(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("OPS004", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_without_end(lint: Lint, app: str) -> None:
    assert lint(app) == []
