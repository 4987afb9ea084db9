"""Tasks that are sent before the commit are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    (
        """
from contextlib import nullcontext as atomic

@app.task
def pay(): ...

def sell():
    with atomic():
        pay.delay()
""",
        "pay.delay",
        f"shop.py:{FIRST + 7}",
    ),
    (
        """
def atomic(function):
    return function

@app.task
def pay(): ...

@atomic
def sell():
    pay.apply_async()
""",
        "pay.apply_async",
        f"shop.py:{FIRST + 8}",
    ),
]
GOOD = [
    """
from contextlib import nullcontext as atomic

def on_commit(function): ...

@app.task
def pay(): ...

def sell():
    with atomic():
        on_commit(lambda: pay.delay())
        pay.delay_on_commit()
    pay.delay()
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_inside_the_block_or_the_function(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("PUB002", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_on_commit_or_outside(lint: Lint, app: str) -> None:
    assert lint(app) == []
