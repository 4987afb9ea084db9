"""Routes that no task takes are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
app.conf.task_routes = {"shop.pya": {"queue": "orders"}}

@app.task
def pay(): ...
"""

GOOD = [
    """
app.conf.task_routes = {"shop.*": {"queue": "orders"}}

@app.task
def pay(): ...
""",
]


def test_a_mistyped_route(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("RTE004", "shop.pya", f"shop.py:{FIRST}")


@pytest.mark.parametrize("app", GOOD)
def test_names_and_patterns_that_match(lint: Lint, app: str) -> None:
    assert lint(app) == []
