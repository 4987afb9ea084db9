"""Apps in which nothing hears of a failed task are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import Lint

BAD = """
@app.task
def pay(): ...
"""

GOOD = [
    """
@signals.task_failure.connect
def file(**_): ...

@app.task
def pay(): ...
""",
    """
from celery import Task

class Base(Task):
    def on_failure(self, *args): ...

@app.task(base=Base)
def pay(): ...
""",
    """
@app.task
def file(request, exc, traceback): ...

@app.task
def pay(): ...

def sell():
    pay.apply_async(link_error=file.s())
""",
    """
app.conf.broker_url = "amqp://localhost"
app.conf.task_queues = (Queue("celery", queue_arguments={"x-dead-letter-exchange": "dead"}),)

@app.task
def pay(): ...
""",
    "\n",
]


def test_nobody_hears_of_it(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("DLQ001", "task_failure", "shop.py:5")
    assert finding.severity == "medium"


@pytest.mark.parametrize("app", GOOD)
def test_each_way_of_hearing(lint: Lint, app: str) -> None:
    assert lint(app) == []


def test_a_promise_of_the_contract_makes_it_high(lint: Lint) -> None:
    tier = '[tiers.all]\ntasks = ["*"]\n[tiers.all.dead_letter]\nto = "table:letters"\n'
    assert [finding.severity for finding in lint(BAD, contract=tier)] == ["high"]
