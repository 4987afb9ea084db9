"""Slow tasks that are put back for ever are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    (
        """
app.conf.update(task_acks_late=True, task_acks_on_failure_or_timeout=False)
@app.task(time_limit=5)
def pay(): ...
""",
        "shop.pay",
        f"shop.py:{FIRST}",
    ),
    (
        """
@app.task(acks_late=True, acks_on_timeout=False, time_limit=5)
def pay(): ...
""",
        "shop.pay",
        f"shop.py:{FIRST}",
    ),
]
GOOD = [
    """
app.conf.task_acks_late = True
@app.task(time_limit=5)
def pay(): ...
""",
    """
app.conf.task_acks_on_failure_or_timeout = False
@app.task(time_limit=5)
def pay(): ...
""",
    """
app.conf.update(task_acks_late=True, task_acks_on_failure_or_timeout=False)
@app.task
def pay(): ...
""",
    """
app.conf.update(task_acks_late=True, task_acks_on_failure=False)
@app.task(time_limit=5)
def pay(): ...
""",
    """
app.conf.update(task_acks_late=True, task_acks_on_failure_or_timeout=False)
app.conf.broker_url = "amqp://localhost"
app.conf.task_queues = (Queue("celery", queue_arguments={"x-queue-type": "quorum", "x-delivery-limit": 3}),)
@app.task(time_limit=5)
def pay(): ...
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_nothing_counts_the_deliveries(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("ACK002", subject, where)


def test_celery_5_4_puts_nothing_back(lint: Lint) -> None:
    app, *_ = BAD[0]
    assert lint(app, versions={"celery": "5.4.0"}) == []


@pytest.mark.parametrize("app", GOOD)
def test_a_delivery_limit_or_an_acknowledgement(lint: Lint, app: str) -> None:
    assert lint(app) == []
