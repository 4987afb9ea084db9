"""Results that go nowhere are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
app.conf.result_backend = None
@app.task
def pay(): ...
"""

GOOD = [
    """
@app.task
def pay(): ...
""",
    """
app.conf.update(result_backend=None, task_ignore_result=True)
@app.task
def pay(): ...
""",
]


def test_no_backend_and_nobody_said_so(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("RES003", "result_backend", f"shop.py:{FIRST}")


@pytest.mark.parametrize("app", GOOD)
def test_a_backend_or_a_word(lint: Lint, app: str) -> None:
    assert lint(app) == []
