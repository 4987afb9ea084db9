"""Dead letter exchanges on Redis are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
app.conf.task_queues = (Queue("celery", queue_arguments={"x-dead-letter-exchange": "dead"}),)
"""

GOOD = [
    """
app.conf.broker_url = "amqp://localhost"
app.conf.task_queues = (Queue("celery", queue_arguments={"x-dead-letter-exchange": "dead"}),)
""",
    """
app.conf.task_queues = (Queue("celery"),)
""",
]


def test_redis_has_none(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("DLQ007", "celery", f"shop.py:{FIRST}")


@pytest.mark.parametrize("app", GOOD)
def test_rabbitmq_has(lint: Lint, app: str) -> None:
    assert lint(app) == []
