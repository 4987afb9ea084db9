"""on_failure as the only hook is found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
from celery import Task

class Base(Task):
    def on_failure(self, *args): ...

@app.task(base=Base)
def pay(): ...
"""

GOOD = [
    """
from celery import Task

class Base(Task):
    def on_failure(self, *args): ...

@app.task(base=Base)
def pay(): ...

@signals.task_failure.connect
def file(**_): ...
""",
    """
@app.task
def pay(): ...
""",
]


def test_it_misses_killed_children(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == (
        "DLQ003",
        "Base.on_failure",
        f"shop.py:{FIRST + 3}",
    )


@pytest.mark.parametrize("app", GOOD)
def test_beside_a_signal_it_is_fine(lint: Lint, app: str) -> None:
    assert lint(app) == []
