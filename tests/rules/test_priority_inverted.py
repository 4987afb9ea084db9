"""Priorities on Redis are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
app.conf.task_routes = {"shop.pay": {"queue": "orders", "priority": 9}}

@app.task
def pay(): ...
"""

GOOD = [
    """
app.conf.broker_url = "amqp://localhost"
app.conf.task_routes = {"shop.pay": {"queue": "orders", "priority": 9}}

@app.task
def pay(): ...
""",
    """
@app.task
def pay(): ...
""",
]


def test_redis_counts_the_other_way(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("PRI001", "shop.pay", f"shop.py:{FIRST}")
    assert finding.severity == "medium"


@pytest.mark.parametrize("app", GOOD)
def test_rabbitmq_and_tasks_without_priority(lint: Lint, app: str) -> None:
    assert lint(app) == []


@pytest.mark.parametrize(("pay", "clean", "severity"), [(9, 1, "high"), (1, 9, None)])
def test_the_contract_says_what_is_urgent(lint: Lint, pay: int, clean: int, severity: str | None) -> None:
    app = f"""
        @app.task(priority={pay})
        def pay(): ...
        @app.task(priority={clean})
        def clean(): ...
        """
    contract = """
        [tiers.high]
        tasks = ["shop.pay"]
        urgency = 8
        [tiers.low]
        tasks = ["shop.clean"]
        urgency = 2
        """
    assert [each.severity for each in lint(app, contract=contract)] == ([severity] if severity else [])
