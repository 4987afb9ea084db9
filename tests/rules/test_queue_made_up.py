"""Queues that Celery would make are found where others are declared."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    (
        """
app.conf.task_queues = (Queue("orders"), Queue("celery"))
app.conf.task_routes = {"shop.pay": {"queue": "ordres"}}

@app.task
def pay(): ...
""",
        "ordres",
        f"shop.py:{FIRST + 1}",
    ),
    (
        """
app.conf.task_queues = (Queue("orders"), Queue("celery"))

@app.task
def pay(): ...

def sell():
    pay.apply_async(queue="ordres")
""",
        "ordres",
        f"shop.py:{FIRST + 6}",
    ),
]
GOOD = [
    """
app.conf.task_queues = (Queue("orders"), Queue("celery"))
app.conf.task_routes = {"shop.pay": {"queue": "orders"}}

@app.task
def pay(): ...
""",
    """
app.conf.task_routes = {"shop.pay": {"queue": "orders"}}

@app.task
def pay(): ...
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_a_mistyped_queue(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("RTE003", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_declared_queues_or_none(lint: Lint, app: str) -> None:
    assert lint(app) == []
