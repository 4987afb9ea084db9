"""Tasks that wait for tasks are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
@app.task
def add(): ...

@app.task
def pay():
    return add.delay().get()
"""

GOOD = [
    """
@app.task
def add(): ...

def sell():
    return add.delay().get()
""",
    """
@app.task
def pay():
    return {"a": 1}.get("a")
""",
]


def test_get_inside_a_task(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("RES004", "shop.pay", f"shop.py:{FIRST + 5}")


@pytest.mark.parametrize("app", GOOD)
def test_get_outside_of_one(lint: Lint, app: str) -> None:
    assert lint(app) == []
