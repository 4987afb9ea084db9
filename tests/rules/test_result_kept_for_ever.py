"""Results without an expiry are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    (
        """
app.conf.result_expires = None
@app.task
def pay(): ...
""",
        "result_expires",
        f"shop.py:{FIRST}",
    ),
    (
        """
app.conf.result_expires = 0
@app.task
def pay(): ...
""",
        "result_expires",
        f"shop.py:{FIRST}",
    ),
]
GOOD = [
    """
app.conf.result_expires = 3600
@app.task
def pay(): ...
""",
    """
@app.task
def pay(): ...
""",
    """
app.conf.result_expires = None
@app.task(ignore_result=True)
def pay(): ...
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_zero_and_none_are_never(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("RES002", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_a_duration_or_no_results(lint: Lint, app: str) -> None:
    assert lint(app) == []
