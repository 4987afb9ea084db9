"""Text where Celery takes something else is found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    (
        """
app.conf.task_acks_late = "no"
""",
        "task_acks_late",
        f"shop.py:{FIRST}",
    ),
    (
        """
app.conf.task_time_limit = "600"
""",
        "task_time_limit",
        f"shop.py:{FIRST}",
    ),
    (
        """
app.conf.broker_transport_options = "visibility_timeout=5"
""",
        "broker_transport_options",
        f"shop.py:{FIRST}",
    ),
]
GOOD = [
    "app.conf.task_acks_late = 1\n",
    "app.conf.task_time_limit = 600.5\n",
    """
app.conf.result_expires = "3600"
""",
    """
app.conf.redis_port = "6379"
""",
    "app.conf.task_queues = (Queue('a'),)\n",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_text_for_a_switch_or_a_number(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("CFG005", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_what_has_the_type_or_is_converted(lint: Lint, app: str) -> None:
    assert lint(app) == []
