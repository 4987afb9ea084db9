"""Queues that no worker of the contract consumes are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

CONTRACT = """
[tiers.all]
tasks = ["*"]
queue = "orders"

[workers.one]
queues = ["orders"]
"""


BAD = """
app.conf.task_routes = {"shop.pay": {"queue": "payments"}}

@app.task
def pay(): ...
"""

GOOD = [
    """
app.conf.task_routes = {"shop.pay": {"queue": "orders"}}

@app.task
def pay(): ...
""",
]


def test_nobody_consumes_it(lint: Lint) -> None:
    (finding,) = lint(BAD, contract=CONTRACT)
    assert (finding.rule, finding.subject, finding.where) == ("RTE002", "payments", f"shop.py:{FIRST}")


@pytest.mark.parametrize("app", GOOD)
def test_a_worker_consumes_it(lint: Lint, app: str) -> None:
    assert lint(app, contract=CONTRACT) == []


def test_without_a_contract_nobody_knows(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert finding.severity == "unknown"
