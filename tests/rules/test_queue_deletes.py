"""Queues that delete messages are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    (
        """
app.conf.broker_url = "amqp://localhost"
app.conf.task_queues = (Queue("failed", queue_arguments={"x-message-ttl": 1000}),)
""",
        "failed",
        f"shop.py:{FIRST + 1}",
    ),
    (
        """
app.conf.broker_url = "amqp://localhost"
app.conf.task_queues = (Queue("failed", queue_arguments={"x-max-length": 10}),)
""",
        "failed",
        f"shop.py:{FIRST + 1}",
    ),
]
GOOD = [
    """
app.conf.broker_url = "amqp://localhost"
app.conf.task_queues = (Queue("failed"),)
""",
    """
app.conf.broker_url = "amqp://localhost"
app.conf.task_queues = (Queue("failed", queue_arguments={"x-max-length": 9, "x-overflow": "reject-publish"}),)
""",
    """
app.conf.broker_url = "amqp://localhost"
app.conf.task_queues = (Queue("a", queue_arguments={"x-message-ttl": 10, "x-dead-letter-exchange": "d"}),)
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_too_old_or_too_many(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("DLQ005", subject, where)
    assert finding.severity == "high"


@pytest.mark.parametrize("app", GOOD)
def test_kept_refused_or_dead_lettered(lint: Lint, app: str) -> None:
    assert lint(app) == []


def test_redis_ignores_the_limit_and_the_queue_grows(lint: Lint) -> None:
    (finding,) = lint('app.conf.task_queues = (Queue("failed", queue_arguments={"x-max-length": 10}),)\n')
    assert finding.severity == "medium"
