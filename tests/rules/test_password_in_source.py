"""Passwords in the source are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    ("app.conf.broker_url = 'redis://:hunter2@localhost:6379/0'\n", "broker_url", f"shop.py:{FIRST}"),
    (
        """
import os
app.conf.result_backend = os.environ.get('BACKEND', 'redis://user:hunter2@localhost:6379/0')
""",
        "result_backend",
        f"shop.py:{FIRST + 1}",
    ),
]
GOOD = [
    """
import os
password = os.environ.get('PASSWORD', 'x')
app.conf.broker_url = f'redis://:{password}@localhost:6379/0'
""",
    """
@app.task
def pay(): ...
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_written_in_the_url(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("SEC003", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_from_the_environment_or_without(lint: Lint, app: str) -> None:
    assert lint(app) == []
