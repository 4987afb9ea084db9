"""Rate limits that several workers have each are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

CONTRACT = """
[tiers.all]
tasks = ["*"]
[workers.one]
queues = ["celery"]
replicas = 2
[workers.other]
queues = ["other"]
"""


BAD = """
@app.task(rate_limit='5/m')
def pay(): ...
"""

GOOD = [
    """
@app.task
def pay(): ...
""",
    """
app.conf.task_routes = {'shop.pay': {'queue': 'other'}}
@app.task(rate_limit='5/m')
def pay(): ...
""",
]


def test_two_workers_double_it(lint: Lint) -> None:
    (finding,) = lint(BAD, contract=CONTRACT)
    assert (finding.rule, finding.subject, finding.where) == ("RAT002", "shop.pay", f"shop.py:{FIRST}")


@pytest.mark.parametrize("app", GOOD)
def test_one_worker_or_meant_so(lint: Lint, app: str) -> None:
    assert lint(app, contract=CONTRACT) == []


def test_the_contract_may_mean_each_worker(lint: Lint) -> None:
    limits = "[tiers.all.limits]\nrate = '5/m'\nrate_scope = 'worker'\n"
    meant = CONTRACT.replace("[workers.one]", f"{limits}[workers.one]")
    assert lint(BAD, contract=meant) == []


def test_without_a_contract_nobody_knows(lint: Lint) -> None:
    assert [finding.severity for finding in lint(BAD)] == ["unknown"]
