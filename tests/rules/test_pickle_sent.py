"""What is pickled is found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    ("app.conf.task_serializer = 'pickle'\n", "task_serializer", f"shop.py:{FIRST}"),
    (
        """
@app.task(serializer='pickle')
def pay(): ...
""",
        "shop.pay",
        f"shop.py:{FIRST}",
    ),
]
GOOD = [
    """
@app.task
def pay(): ...
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_by_setting_or_by_task(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("SEC002", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_json(lint: Lint, app: str) -> None:
    assert lint(app) == []
