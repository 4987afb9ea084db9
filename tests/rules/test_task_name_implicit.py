"""Tasks that are named after their file are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
@app.task
def pay(): ...
"""

GOOD = [
    """
@app.task(name='pay')
def pay(): ...
""",
]


def test_no_name_of_its_own(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("TSK002", "name", f"shop.py:{FIRST}")


@pytest.mark.parametrize("app", GOOD)
def test_a_name(lint: Lint, app: str) -> None:
    assert lint(app) == []
