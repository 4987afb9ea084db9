"""Annotations for tasks that are not there are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
app.conf.task_annotations = {"shop.pya": {"max_retries": 5}}

@app.task
def pay(): ...
"""

GOOD = [
    """
app.conf.task_annotations = {"shop.pay": {"max_retries": 5}}

@app.task
def pay(): ...
""",
]


def test_a_mistyped_name(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("ANN004", "shop.pya", f"shop.py:{FIRST}")


@pytest.mark.parametrize("app", GOOD)
def test_a_name_that_is_there(lint: Lint, app: str) -> None:
    assert lint(app) == []
