"""Annotations that something stronger overrides are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
app.conf.task_annotations = {"shop.pay": {"rate_limit": "5/m"}, "*": {"rate_limit": "99/m"}}

@app.task
def pay(): ...
"""

GOOD = [
    """
app.conf.task_annotations = {"shop.pay": {"rate_limit": "5/m"}, "*": {"max_retries": 9}}

@app.task
def pay(): ...
""",
]


def test_the_star_wins(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("ANN003", "shop.pay", f"shop.py:{FIRST}")


@pytest.mark.parametrize("app", GOOD)
def test_different_attributes_do_not_meet(lint: Lint, app: str) -> None:
    assert lint(app) == []
