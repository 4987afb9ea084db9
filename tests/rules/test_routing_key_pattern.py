"""Patterns on direct exchanges are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
app.conf.task_queues = (Queue("orders", Exchange("orders", type="direct"), routing_key="orders.*"),)
"""

GOOD = [
    """
app.conf.task_queues = (Queue("orders", Exchange("orders", type="direct"), routing_key="orders"),)
""",
    """
app.conf.task_queues = (Queue("orders", Exchange("orders", type="topic"), routing_key="orders.*"),)
""",
]


def test_a_pattern_matches_only_itself(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("RTE005", "orders", f"shop.py:{FIRST}")


@pytest.mark.parametrize("app", GOOD)
def test_plain_keys_and_topic_exchanges(lint: Lint, app: str) -> None:
    assert lint(app) == []
