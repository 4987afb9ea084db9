"""Maximum priorities that do nothing are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    (
        """
app.conf.task_queues = (Queue("celery", queue_arguments={"x-max-priority": 9}),)
""",
        "celery",
        f"shop.py:{FIRST}",
    ),
    (
        """
app.conf.broker_url = "amqp://localhost"
app.conf.task_queues = (Queue("celery", queue_arguments={"x-max-priority": 9}),)
""",
        "celery",
        f"shop.py:{FIRST + 1}",
    ),
]
GOOD = [
    """
app.conf.broker_url = "amqp://localhost"
app.conf.task_queues = (Queue("celery", queue_arguments={"x-max-priority": 9}),)

@app.task(priority=3)
def clean(): ...

@app.task(priority=9)
def pay(): ...
""",
    """
app.conf.task_queues = (Queue("celery"),)
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_nobody_orders_by_it(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("PRI002", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_two_priorities_on_rabbitmq(lint: Lint, app: str) -> None:
    assert lint(app) == []


def test_a_quorum_queue_refuses_it(lint: Lint) -> None:
    app = """
        app.conf.broker_url = "amqp://localhost"
        arguments = {"x-queue-type": "quorum", "x-max-priority": 9}
        app.conf.task_queues = (Queue("celery", queue_arguments=arguments),)
        """
    (finding,) = lint(app)
    assert finding.severity == "high"
