"""Queues that Celery refuses are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
app.conf.task_create_missing_queues = False
app.conf.task_queues = (Queue("orders"),)
app.conf.task_default_queue = "orders"

@app.task
def pay(): ...

def sell():
    pay.apply_async(queue="ordres")
"""

GOOD = [
    """
app.conf.task_create_missing_queues = False
app.conf.task_queues = (Queue("orders"),)
app.conf.task_default_queue = "orders"

@app.task
def pay(): ...
""",
]


def test_a_queue_that_is_not_declared_and_not_made(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("RTE006", "ordres", f"shop.py:{FIRST + 8}")


@pytest.mark.parametrize("app", GOOD)
def test_declared_queues(lint: Lint, app: str) -> None:
    assert lint(app) == []


def test_a_route_to_it_is_one_too(lint: Lint) -> None:
    app = """
        app.conf.task_create_missing_queues = False
        app.conf.task_queues = (Queue("orders"),)
        app.conf.task_routes = {"shop.pay": {"queue": "ordres"}}
        @app.task
        def pay(): ...
        """
    (finding,) = lint(app)
    assert (finding.subject, finding.where) == ("shop.pay", f"shop.py:{FIRST + 3}")
