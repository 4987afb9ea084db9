"""Errbacks that cannot be called are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    (
        """
@app.task(bind=True)
def file(self, task_id): ...

@app.task
def pay(): ...

def sell():
    pay.apply_async(link_error=file.s())
""",
        "shop.file",
        f"shop.py:{FIRST + 7}",
    ),
    (
        """
@app.task
def file(task_id, error): ...

@app.task
def pay(): ...

def sell():
    pay.s().on_error(file.s()).delay()
""",
        "shop.file",
        f"shop.py:{FIRST + 7}",
    ),
]
GOOD = [
    """
@app.task
def file(request, exc, traceback): ...

@app.task
def pay(): ...

def sell():
    pay.apply_async(link_error=file.s())
""",
    """
@app.task
def file(task_id): ...

@app.task
def pay(): ...

def sell():
    pay.apply_async(link_error=[file.s()])
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_bound_or_of_two_arguments(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("DLQ002", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_three_arguments_or_the_id(lint: Lint, app: str) -> None:
    assert lint(app) == []
