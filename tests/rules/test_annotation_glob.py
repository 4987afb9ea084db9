"""Patterns in annotations are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
app.conf.task_annotations = {"shop.*": {"max_retries": 5}}

@app.task
def pay(): ...
"""

GOOD = [
    """
app.conf.task_annotations = {"shop.pay": {"max_retries": 5}}

@app.task
def pay(): ...
""",
    """
app.conf.task_annotations = {"*": {"max_retries": 5}}

@app.task
def pay(): ...
""",
]


def test_a_pattern_matches_nothing(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("ANN001", "shop.*", f"shop.py:{FIRST}")


@pytest.mark.parametrize("app", GOOD)
def test_exact_names_and_the_star(lint: Lint, app: str) -> None:
    assert lint(app) == []
