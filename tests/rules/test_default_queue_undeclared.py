"""A default queue that is not declared is found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
app.conf.task_queues = (Queue("orders"),)

@app.task
def pay(): ...
"""

GOOD = [
    """
app.conf.task_default_queue = "orders"
app.conf.task_queues = (Queue("orders"),)
""",
    """
@app.task
def pay(): ...
""",
]


def test_unrouted_tasks_go_where_nobody_listens(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("RTE001", "celery", f"shop.py:{FIRST}")
    assert finding.severity == "high"


@pytest.mark.parametrize("app", GOOD)
def test_declared_or_made_anyway(lint: Lint, app: str) -> None:
    assert lint(app) == []


def test_where_every_task_has_a_route_it_is_medium(lint: Lint) -> None:
    route = 'app.conf.task_routes = {"shop.pay": {"queue": "orders"}}\n'
    (finding,) = lint(route + BAD.lstrip())
    assert finding.severity == "medium"
